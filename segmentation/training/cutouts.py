"""Real packs, real empty shelves, and photos to print on packs: mixed in when their folder is there."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

import prompts
from segmentation.errors import DataError
from segmentation.training.products import HELD_OUT_PAIRS, Product

Image = NDArray[np.uint8]

MOST_PHOTOS = 500
_WHITE = 243  # every channel of white ground is above it
PHOTO_SIDE = 140  # px of the shorter side
MOST_CLUTTER = 120


@dataclass(frozen=True)
class Cutout:
    """One real pack: RGBA pixels and what is known of it."""

    name: str
    pixels: Image  # (height, width, 4) RGBA
    kind: str
    colour: str | None
    contents: str | None


@dataclass(frozen=True)
class Cutouts:
    """Everything real that scenes may use."""

    packs: tuple[Cutout, ...] = ()
    shelves: tuple[Image, ...] = ()
    photos: tuple[Image, ...] = ()  # what packs show of their contents, and the print of others
    clutter: tuple[Image, ...] = ()  # loose goods, without packs

    def product(self, index: int, rng: np.random.Generator) -> Product:
        """A product that is drawn from cut-out number index."""
        pack = self.packs[index]
        height, width = pack.pixels.shape[:2]
        return Product(
            kind=pack.kind,
            contents=pack.contents,
            colour=pack.colour,
            shade=0,
            rgb=(128, 128, 128),
            accent=(128, 128, 128),
            cap_colour=None,
            cap_rgb=(128, 128, 128),
            brand="",
            word="",
            clear=False,
            aspect=float(np.clip(width / height, 0.2, 2.0)),
            seed=int(rng.integers(2**31)),
            cutout=index,
        )


def _trimmed(pixels: Image, *, side: int = 420) -> Image:
    """The part that is opaque, at most side pixels high; soft shadows are cut off."""
    solid = (pixels[..., 3] > 230).astype(np.uint8)
    rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    if not len(rows):
        raise DataError("a cut-out has no opaque pixel")
    pixels = np.ascontiguousarray(pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    pixels[..., 3] = np.where(pixels[..., 3] > 200, 255, 0)
    scale = min(1.0, side / pixels.shape[0])
    size = (max(3, round(pixels.shape[1] * scale)), max(3, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _read(path: Path) -> Image:
    raw = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if raw is None:
        raise DataError(f"{path} cannot be read as a picture")
    if raw.ndim == 2:
        return np.asarray(cv2.cvtColor(raw, cv2.COLOR_GRAY2RGB), np.uint8)
    code = cv2.COLOR_BGRA2RGBA if raw.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(raw, code), np.uint8)


def _on_black(pixels: Image) -> Image:
    """Turn pure black ground into transparency."""
    ground = (pixels.max(2) < 12).astype(np.uint8)
    filled = cv2.morphologyEx(1 - ground, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    return np.dstack([pixels, filled * 255]).astype(np.uint8)


def _on_white(pixels: Image) -> Image:
    """Turn white ground into transparency. White packs run into it, so the pack is the hull of what is not white."""
    ground = (pixels.min(2) > _WHITE).astype(np.uint8)
    _, parts = cv2.connectedComponents(ground, connectivity=4)
    rim = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    rest = (~np.isin(parts, rim[rim > 0])).astype(np.uint8)
    rest = np.asarray(cv2.morphologyEx(rest, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    _, parts, statistics, _ = cv2.connectedComponentsWithStats(rest)
    pack = (parts == 1 + np.argmax(statistics[1:, cv2.CC_STAT_AREA])) if len(statistics) > 1 else rest
    filled = np.zeros(rest.shape, np.uint8)
    corners = cv2.findNonZero(np.asarray(pack, np.uint8))
    if corners is not None:
        cv2.fillConvexPoly(filled, cv2.convexHull(corners), 255)
    return np.dstack([pixels, filled]).astype(np.uint8)


@lru_cache(maxsize=4)
def load_cutouts(folder: Path | None) -> Cutouts:
    """Read the cut-outs that prompts/training.yaml lists, as far as they lie in the folder.

    Args:
        folder: Where they lie; None or a missing folder gives none.

    Raises:
        DataError: A listed picture cannot be read, or the folder is there and holds none of them.
    """
    if folder is None or not folder.is_dir():
        return Cutouts()
    listed = yaml.safe_load(prompts.read("training.yaml"))["cutouts"]
    packs = []
    for name, (kind, colour, contents) in listed.items():
        path = folder / name
        if not path.is_file() or (colour, kind) in HELD_OUT_PAIRS:
            continue
        pixels = _read(path)
        if pixels.shape[2] == 3:
            pixels = _on_white(pixels) if pixels[0, 0].min() > _WHITE else _on_black(pixels)
        packs.append(Cutout(name, _trimmed(pixels), kind, colour, contents))
    if not packs:
        raise DataError(f"{folder} holds none of the cut-outs that prompts/training.yaml lists")
    shelves = []
    for path in sorted((folder / "clomask/backgrounds").glob("*")):
        pixels = _read(path)[..., :3]
        scale = 700 / max(pixels.shape[:2])
        shelves.append(np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8))
    photos = []
    found = sorted((folder / "grocerystore/dataset/train").rglob("*.jpg"))
    for path in found[:: max(1, len(found) // MOST_PHOTOS)]:
        pixels = _read(path)[..., :3]
        scale = PHOTO_SIDE / min(pixels.shape[:2])
        photos.append(np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8))
    loose = [path for path in found if {"Fruit", "Vegetables"} & set(path.parts)]
    clutter = tuple(_read(path)[..., :3] for path in loose[:: max(1, len(loose) // MOST_CLUTTER)])
    return Cutouts(tuple(packs), tuple(shelves), tuple(photos), clutter)
