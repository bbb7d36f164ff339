"""Data sets of pictures, phrases and masks, each read in its own format.

PhraseCut: refer_SPLIT.json and images/ID.jpg (github.com/ChenyunWu/PhraseCutDataset). COCO: instances_*.json or
panoptic_*.json with its folder of PNGs (cocodataset.org/#format-data). Folder: phrases.jsonl, one object a line
with image, mask and phrase, paths relative to it. Corrections: what `/save` of the chat writes.
"""

import json
import logging
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.errors import DataError
from segmentation.geometry import Box

Mask = NDArray[np.bool_]
Format = Literal["phrasecut", "coco", "folder", "corrections"]

log = logging.getLogger(__name__)


class Shape(ABC):
    """Something that can be drawn as a mask."""

    @abstractmethod
    def draw(self, height: int, width: int) -> Mask:
        """The mask, shape (height, width)."""

    def doubt(self, height: int, width: int) -> Mask | None:
        """Where nothing is known, shape (height, width); None where everything is."""
        return None


@dataclass(frozen=True)
class Polygons(Shape):
    """Outlines, each ((x, y), ...), in pixels."""

    outlines: tuple[tuple[tuple[float, float], ...], ...]

    def draw(self, height: int, width: int) -> Mask:
        """Fill all outlines."""
        canvas = np.zeros((height, width), np.uint8)
        for outline in self.outlines:
            cv2.fillPoly(canvas, [np.round(np.array(outline)).astype(np.int32)], 1)
        return canvas > 0


@dataclass(frozen=True)
class RunLength(Shape):
    """COCO's run-length code; counts as text or as a list."""

    height: int
    width: int
    counts: str | tuple[int, ...]

    def draw(self, height: int, width: int) -> Mask:
        """Decode, column by column."""
        if (height, width) != (self.height, self.width):
            raise DataError(f"a mask of {self.width}x{self.height} belongs to a picture of {width}x{height}")
        from pycocotools import mask as coco

        size = [self.height, self.width]
        if isinstance(self.counts, str):
            code: Any = {"size": size, "counts": self.counts.encode()}
        else:
            code = coco.frPyObjects({"size": size, "counts": list(self.counts)}, self.height, self.width)
        return np.asarray(coco.decode(code), np.uint8) > 0


@dataclass(frozen=True)
class MaskFile(Shape):
    """A picture whose bright pixels are the mask, or, with segments, whose colours are COCO panoptic ids."""

    path: Path
    segments: tuple[int, ...] | None = None

    def draw(self, height: int, width: int) -> Mask:
        """Read the file."""
        way = cv2.IMREAD_GRAYSCALE if self.segments is None else cv2.IMREAD_COLOR
        found: Any = cv2.imread(str(self.path), way)
        if found is None:
            raise DataError(f"{self.path} cannot be read as a mask")
        if found.shape[:2] != (height, width):
            raise DataError(f"{self.path} is {found.shape[1]}x{found.shape[0]}, its picture is {width}x{height}")
        if self.segments is None:
            return np.asarray(found > 127)
        blue, green, red = (found[..., i].astype(np.int64) for i in range(3))
        return np.asarray(np.isin(red + 256 * green + 65536 * blue, self.segments))


@dataclass(frozen=True)
class Union(Shape):
    """Several shapes that one phrase names."""

    shapes: tuple[Shape, ...]

    def draw(self, height: int, width: int) -> Mask:
        """All of them."""
        return np.asarray(np.any([shape.draw(height, width) for shape in self.shapes], axis=0))


@dataclass(frozen=True)
class Boxes(Shape):
    """Boxes of things whose outlines are not known, and boxes of what may be such things too.

    What fills a box is surest in the ellipse that it holds; its corners are left open.
    """

    boxes: tuple[Box, ...]
    open: tuple[Box, ...] = ()

    def draw(self, height: int, width: int) -> Mask:
        """An ellipse of nine tenths of each box."""
        canvas = np.zeros((height, width), np.bool_)
        ys, xs = np.mgrid[:height, :width] + 0.5
        for x0, y0, x1, y1 in self.boxes:
            inside = slice(max(0, y0), y1), slice(max(0, x0), x1)
            across, down = ((2 * v[inside] - a - b) / (b - a) for v, a, b in ((xs, x0, x1), (ys, y0, y1)))
            canvas[inside] |= across**2 + down**2 <= 0.9**2
        return canvas

    def doubt(self, height: int, width: int) -> Mask:
        """The rest of the boxes, and the open ones."""
        canvas = np.zeros((height, width), np.bool_)
        for x0, y0, x1, y1 in (*self.boxes, *self.open):
            canvas[max(0, y0) : y1, max(0, x0) : x1] = True
        return canvas & ~self.draw(height, width)


@dataclass(frozen=True)
class Picture:
    """A picture with the phrases that are true of it."""

    path: Path
    phrases: tuple[tuple[str, Shape], ...]

    def read(self) -> NDArray[np.uint8]:
        """The pixels, uint8 RGB (height, width, 3)."""
        found = cv2.imread(str(self.path), cv2.IMREAD_COLOR)
        if found is None:
            raise DataError(f"{self.path} cannot be read as a picture")
        return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from error


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Numbers and values of the lines of a JSONL file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}, line {number} is not JSON: {error}") from error


def _pictures(found: dict[Path, list[tuple[str, Shape]]], source: Path) -> tuple[Picture, ...]:
    there = [Picture(path, tuple(phrases)) for path, phrases in found.items() if path.is_file()]
    if not there:
        raise DataError(f"{source} names no picture that is there")
    return tuple(there)


def read_phrasecut(annotations: Path, images: Path) -> tuple[Picture, ...]:
    """Read one split of PhraseCut; pictures that are not there are left out."""
    found: dict[Path, list[tuple[str, Shape]]] = defaultdict(list)
    try:
        for task in _json(annotations):
            outlines = tuple(
                tuple((float(x), float(y)) for x, y in outline) for instance in task["Polygons"] for outline in instance
            )
            found[images / f"{task['image_id']}.jpg"].append((str(task["phrase"]), Polygons(outlines)))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{annotations} is not PhraseCut's format: {error!r}") from error
    return _pictures(found, annotations)


def _coco_shape(segmentation: Any) -> Shape:
    if isinstance(segmentation, dict):
        height, width = segmentation["size"]
        counts = segmentation["counts"]
        return RunLength(int(height), int(width), counts if isinstance(counts, str) else tuple(counts))
    flat = [np.array(outline, float).reshape(-1, 2).tolist() for outline in segmentation]
    return Polygons(tuple(tuple((x, y) for x, y in outline) for outline in flat))


def read_coco(annotations: Path, images: Path) -> tuple[Picture, ...]:
    """Read instances or panoptic segments; the phrase is the name of the category."""
    raw = _json(annotations)
    found: dict[Path, list[tuple[str, Shape]]] = defaultdict(list)
    try:
        names = {c["id"]: str(c["name"]) for c in raw["categories"]}
        files = {i["id"]: images / i["file_name"] for i in raw["images"]}
        groups: dict[tuple[int, int], list[Any]] = defaultdict(list)
        for note in raw["annotations"]:
            for segment in note.get("segments_info", [note]):
                groups[note["image_id"], segment["category_id"]].append((note, segment))
        for (image, category), notes in groups.items():
            if "segments_info" in notes[0][0]:
                png = annotations.with_suffix("") / notes[0][0]["file_name"]
                shape: Shape = MaskFile(png, tuple(int(segment["id"]) for _, segment in notes))
            else:
                shape = Union(tuple(_coco_shape(note["segmentation"]) for note, _ in notes))
            found[files[image]].append((names[category], shape))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{annotations} is not COCO's format: {error!r}") from error
    return _pictures(found, annotations)


def read_folder(annotations: Path) -> tuple[Picture, ...]:
    """Read phrases.jsonl: {"image": file, "mask": file, "phrase": text} per line."""
    found: dict[Path, list[tuple[str, Shape]]] = defaultdict(list)
    folder = annotations.parent
    for number, entry in _lines(annotations):
        try:
            found[folder / entry["image"]].append((str(entry["phrase"]), MaskFile(folder / entry["mask"])))
        except (KeyError, TypeError) as error:
            raise DataError(f"{annotations}, line {number}: needs image, mask and phrase ({error!r})") from error
    return _pictures(found, annotations)


def read_corrections(annotations: Path, images: Path | None) -> tuple[Picture, ...]:
    """Read counts corrected by hand: {"image", "prompt", "count", "boxes", and "excluded" where there is one} per line.

    Lines without a box for each counted thing teach nothing and are left out.

    Args:
        annotations: JSON lines, as `/save` writes and `shelf eval counts` reads them.
        images: Folder that image names start from; that of the file when left out.
    """
    found: dict[Path, list[tuple[str, Shape]]] = defaultdict(list)
    left_out = 0
    for number, entry in _lines(annotations):
        try:
            boxes, excluded = (_boxes(entry.get(key) or ()) for key in ("boxes", "excluded"))
            if len(boxes) != entry["count"]:
                left_out += 1
                continue
            path = (images or annotations.parent) / entry["image"]
            found[path].append((str(entry["prompt"]), Boxes(boxes, excluded)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{annotations}, line {number}: needs image, prompt, count and boxes ({error!r})"
            ) from error
    if left_out:
        log.warning("%s: %d lines without a box for each counted thing are left out", annotations, left_out)
    return _pictures(found, annotations)


def _boxes(given: Any) -> tuple[Box, ...]:
    boxes = tuple((int(x0), int(y0), int(x1), int(y1)) for x0, y0, x1, y1 in given)
    if any(x0 >= x1 or y0 >= y1 for x0, y0, x1, y1 in boxes):
        raise ValueError("a box has no area")
    return boxes


def read_source(format: Format, annotations: Path, images: Path | None) -> tuple[Picture, ...]:
    """Read a data set.

    Args:
        format: Which.
        annotations: Its JSON, or phrases.jsonl.
        images: Folder of its pictures; folder and corrections need none.

    Raises:
        DataError: It cannot be read, is of another format, or none of its pictures is there.
    """
    if format == "folder":
        return read_folder(annotations)
    if format == "corrections":
        return read_corrections(annotations, images)
    if images is None:
        raise DataError(f"a {format} source needs its folder of pictures (images)")
    return read_phrasecut(annotations, images) if format == "phrasecut" else read_coco(annotations, images)
