"""Real packs, real empty shelves, and photos to print on packs: mixed in when their folder is there."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

import prompts
from segmentation.colour import colour_shares
from segmentation.errors import DataError
from segmentation.training.products import HELD_OUT_PAIRS, Product

Image = NDArray[np.uint8]

MOST_PHOTOS = 500
_WHITE = 243  # every channel of white ground is above it
PHOTO_SIDE = 140  # px of the shorter side
MOST_CLUTTER = 120
_NAMED_AT = 60  # px of the longer side of a pack whose tint is named
_SOME, _MOST = 0.3, 0.6  # share of a pack that a held-out colour may have, and from which it is the pack's colour


@dataclass(frozen=True)
class Cutout:
    """One real pack: RGBA pixels and what is known of it."""

    name: str
    pixels: Image  # (height, width, 4) RGBA
    kind: str
    colour: str | None
    contents: str | None


@dataclass(frozen=True)
class Mixture:
    """How much of a scene is real, as far as there is anything real to take.

    Attributes:
        real: Share of products that are cut-outs.
        tints: Share of these whose colours are exchanged.
        wraps: Share of the drawn products with a photo that are wrapped in it; the others show it on a part.
        clutter: Share of scenes with a photo of loose goods behind the packs.
    """

    real: float = 0.2
    tints: float = 0.0
    wraps: float = 0.0
    clutter: float = 0.0


MIXTURE = Mixture()  # that of evaluation


@dataclass(frozen=True)
class Cutouts:
    """Everything real that scenes may use."""

    packs: tuple[Cutout, ...] = ()
    shelves: tuple[Image, ...] = ()
    photos: tuple[Image, ...] = ()  # what packs show of their contents, and the print of others
    clutter: tuple[Image, ...] = ()  # loose goods, without packs

    def product(self, index: int, rng: np.random.Generator, tints: float = 0.0) -> Product:
        """A product that is drawn from cut-out number index, its colours exchanged in a share of tints.

        Contents of one whose colours are exchanged are not known, its colour where one covers most of it.
        """
        pack = self.packs[index]
        other = tints > 0 and bool(rng.random() < tints)
        seed = int(rng.integers(2**31))
        colour, contents = pack.colour, pack.contents
        if other:
            seed, colour, contents = *_tint(pack, seed), None
        height, width = pack.pixels.shape[:2]
        return Product(
            kind=pack.kind,
            contents=contents,
            colour=colour,
            shade=0,
            rgb=(128, 128, 128),
            accent=(128, 128, 128),
            cap_colour=None,
            cap_rgb=(128, 128, 128),
            brand="",
            word="",
            clear=False,
            aspect=float(np.clip(width / height, 0.2, 2.0)),
            seed=seed,
            cutout=index,
            tinted=other,
        )

    def drawing(self, product: Product) -> Image:
        """The pixels of a product that is a cut-out, (height, width, 4) RGBA."""
        assert product.cutout is not None
        pixels = self.packs[product.cutout].pixels
        return tinted(pixels, np.random.default_rng(product.seed)) if product.tinted else pixels


def _tint(pack: Cutout, seed: int) -> tuple[int, str | None]:
    """A seed whose tint makes no held-out pair of colour and kind, and the colour that then covers most of the pack."""
    step = max(1, max(pack.pixels.shape) // _NAMED_AT)
    while True:
        small = tinted(pack.pixels[::step, ::step], np.random.default_rng(seed))
        solid = small[small[..., 3] > 0, :3]
        side = int(len(solid) ** 0.5)
        shares = colour_shares(solid[: side * side].reshape(side, side, 3))
        if not any(share > _SOME and (colour, pack.kind) in HELD_OUT_PAIRS for colour, share in shares.items()):
            colour, share = next(iter(shares.items()))
            return seed, colour if share > _MOST else None
        seed += 1


def tinted(pixels: Image, rng: np.random.Generator) -> Image:
    """A pack in other colours: hues turned, more or less colourful, darker, mirrored at times.

    A few hundred cut-outs are soon known by heart; their shapes, print and light are what should be learnt.

    Args:
        pixels: (height, width, 4) RGBA.
        rng: Source of chance.
    """
    hsv = cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(0, 180)) % 180
    hsv[..., 1] *= rng.uniform(0.2, 1.3)
    hsv[..., 2] = 255 * (hsv[..., 2] / 255) ** rng.uniform(0.7, 2.2) * rng.uniform(0.6, 1.0)
    rgb = cv2.cvtColor(np.clip(hsv, 0, 255).astype(np.uint8), cv2.COLOR_HSV2RGB)
    if rng.random() < 0.5:
        return np.ascontiguousarray(np.dstack([rgb, pixels[..., 3]])[:, ::-1])
    return np.dstack([rgb, pixels[..., 3]])


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
