"""Real photos with masks or boxes, as evaluation data."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.errors import DataError
from segmentation.photo import read_photo

# Prompts for the class words of the Freiburg boxes where the word alone is no pack word people would use.
_CLASS_PROMPTS = {
    "tomato_sauce": "tomato sauce",
    "spices": "spice jars",
    "cake": "cakes",
    "corn": "corn",
    "nuts": "nuts",
}


@dataclass(frozen=True, eq=False)
class LabelledPhoto:
    """A photo, a prompt, and where it is true.

    Attributes:
        pixels: uint8 RGB (height, width, 3).
        truth: (height, width).
        items: True count.
    """

    name: str
    pixels: NDArray[np.uint8]
    prompt: str
    truth: NDArray[np.bool_]
    items: int


def _boxes(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no object with one entry per photo")
    return found


def _filled(shape: tuple[int, ...], boxes: list[list[int]]) -> NDArray[np.bool_]:
    truth = np.zeros(shape[:2], np.bool_)
    for x0, y0, x1, y1 in boxes:
        truth[max(0, y0) : y1, max(0, x0) : x1] = True
    return truth


def masked_photos(folder: Path) -> Iterator[LabelledPhoto]:
    """Photos with one PNG per item under masks/NAME/; the prompt follows from the photo's name.

    Raises:
        DataError: A mask cannot be read or has another size than its photo, or there is none.
    """
    for path in sorted(folder.glob("*.jpg")):
        pixels = read_photo(path).pixels
        height, width = pixels.shape[:2]
        truth = np.zeros((height, width), np.bool_)
        files = sorted((folder / "masks" / path.stem).glob("*.png"))
        if not files:
            raise DataError(f"{path} has no masks in masks/{path.stem}")
        for file in files:
            mask: Any = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
            if mask is None:
                raise DataError(f"{file} cannot be read as a picture")
            if mask.shape != (height, width):
                sizes = f"{mask.shape[1]}x{mask.shape[0]}", f"{width}x{height}"
                raise DataError(f"{file} is {sizes[0]}, its photo {sizes[1]}")
            truth |= mask > 127
        word = path.stem.split("_")[0]
        yield LabelledPhoto(path.name, pixels, "bags" if word == "chips" else word, truth, len(files))


def boxed_photos(folder: Path, boxes: Path, prompt: str | None) -> Iterator[LabelledPhoto]:
    """Photos with boxes in one JSON; boxes count as masks, so a perfect answer stays below 1.

    Args:
        folder: Photos.
        boxes: {photo: boxes} or {photo: {"class": word, "boxes": boxes}}.
        prompt: What is asked, or None for the class word.
    """
    for name, entry in sorted(_boxes(boxes).items()):
        known = entry if isinstance(entry, dict) else {"class": "product", "boxes": entry}
        path = folder / name
        if not path.is_file():
            continue
        pixels = read_photo(path).pixels
        word = str(known["class"])
        found = [[int(v) for v in box] for box in known["boxes"]]
        yield LabelledPhoto(
            name, pixels, prompt or _CLASS_PROMPTS.get(word, word), _filled(pixels.shape, found), len(found)
        )


def real_sets(folder: Path) -> Iterator[tuple[str, str, list[LabelledPhoto]]]:
    """The real sets that lie in a folder: name, remark, photos.

    Raises:
        DataError: The folder is missing or holds none of them.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of real photos")
    any_found = False
    if (folder / "clomask").is_dir():
        any_found = True
        yield "real masks (clomask)", "item masks", list(masked_photos(folder / "clomask"))
    if (folder / "gss_boxes.json").is_file():
        any_found = True
        yield (
            "real crisps (gss)",
            "front packs boxed; boxes as masks",
            list(boxed_photos(folder / "gss", folder / "gss_boxes.json", "bags")),
        )
    if (folder / "freiburg_boxes.json").is_file():
        any_found = True
        yield (
            "real groceries (freiburg)",
            "one class boxed per photo; boxes as masks",
            list(boxed_photos(folder / "freiburg", folder / "freiburg_boxes.json", None)),
        )
    if not any_found:
        raise DataError(f"{folder} holds none of clomask/, gss_boxes.json, freiburg_boxes.json")
