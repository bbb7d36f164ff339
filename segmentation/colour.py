"""Colours by name: which share of a picture, of a pack or of one part of it has a colour of the vocabulary.

Names follow hue, as people's do, not the nearest of a few sample colours: a pale orange pack in a bright photo is
nearer to a sample of brown than to one of orange. Hue, chroma and lightness are those of CIELAB.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.geometry import Box, clip

LOOKED_AT = 120  # px, longer side of the picture whose pixels are named


@dataclass(frozen=True)
class _Hues:
    """What a name covers: hue in degrees (from may be above to: across 360), lightness 0..100, chroma."""

    name: str
    hue: tuple[float, float]
    lightness: tuple[float, float] = (0.0, 101.0)
    chroma: tuple[float, float] = (0.0, 200.0)


_HUES = (  # later ones win
    _Hues("red", (345, 42)),
    _Hues("orange", (42, 76)),
    _Hues("yellow", (76, 108)),
    _Hues("green", (108, 178)),
    _Hues("teal", (178, 238)),
    _Hues("blue", (238, 302)),
    _Hues("purple", (302, 345)),
    _Hues("pink", (318, 8), lightness=(52, 101), chroma=(0, 90)),
    _Hues("pink", (8, 28), lightness=(52, 101), chroma=(0, 52)),
    _Hues("pink", (28, 42), lightness=(68, 101), chroma=(0, 34)),
    _Hues("brown", (30, 90), lightness=(0, 46), chroma=(0, 42)),
    _Hues("gold", (62, 90), lightness=(46, 78), chroma=(0, 48)),
)
BLACK_BELOW, WHITE_FROM = 28.0, 80.0  # lightness of greys that are called black, white
GREY_CHROMA, DARK_GREY_CHROMA, PALE_GREY_CHROMA = 9.0, 13.0, 14.0  # below it a pixel has no hue; dark and pale ones
PALE = 85.0

WORN = 0.22  # share of a pack from which it wears a colour
WORN_BY_PART = 0.30  # share of the part of a pack where a lid or label is
_SPANS: dict[str, tuple[float, float]] = {  # of the height of a pack, from its top
    "lid": (0.0, 0.3), "cap": (0.0, 0.3), "top": (0.0, 0.3), "neck": (0.1, 0.4),
    "label": (0.3, 0.9), "band": (0.3, 0.9), "stripe": (0.2, 0.9),
}  # fmt: skip


def colour_shares(pixels: NDArray[np.uint8]) -> dict[str, float]:
    """How much of a picture (H, W, 3) RGB has which colour of the vocabulary; the most frequent first."""
    height, width = pixels.shape[:2]
    scale = min(1.0, LOOKED_AT / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 3)
    names, counts = np.unique(_names(np.asarray(lab, np.float32)), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {str(names[i]): float(counts[i] / len(lab)) for i in order}


def _names(lab: NDArray[np.float32]) -> NDArray[np.str_]:
    """(N,) names of (N, 3) CIELAB colours."""
    lightness, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    names = np.full(len(lab), "grey", dtype="<U8")
    for each in _HUES:
        start, end = each.hue
        inside = (hue >= start) & (hue < end) if start < end else (hue >= start) | (hue < end)
        inside &= (lightness >= each.lightness[0]) & (lightness < each.lightness[1])
        names[inside & (chroma >= each.chroma[0]) & (chroma < each.chroma[1])] = each.name
    plain = np.select([lightness < BLACK_BELOW, lightness > PALE], [DARK_GREY_CHROMA, PALE_GREY_CHROMA], GREY_CHROMA)
    hueless = chroma < plain
    names[hueless] = "grey"
    names[hueless & (lightness < BLACK_BELOW)] = "black"
    names[hueless & (lightness >= WHITE_FROM)] = "white"
    return names


def wears(pixels: NDArray[np.uint8], box: Box, colours: Sequence[str], part: str | None = None) -> bool:
    """Whether a pack wears all of the colours.

    Args:
        pixels: (H, W, 3) uint8 RGB photo.
        box: the pack.
        colours: names of the vocabulary; with a part, the last one is the part's and the others the pack's.
        part: lid, cap, label, ...: the colour is looked for where packs have it.
    """
    body = list(colours[:-1] if part else colours)
    shares = _shares(pixels, box, (0.0, 1.0))
    if any(shares.get(name, 0.0) < WORN for name in body):
        return False
    if part:
        return _shares(pixels, box, _SPANS.get(part, (0.0, 1.0))).get(colours[-1], 0.0) >= WORN_BY_PART
    return True


def _shares(pixels: NDArray[np.uint8], box: Box, span: tuple[float, float]) -> dict[str, float]:
    """Colours of the inner part of a box: its borders show the neighbours."""
    x0, y0, x1, y1 = clip(box, pixels.shape[1], pixels.shape[0])
    inset = int(0.15 * (x1 - x0))
    top, bottom = y0 + int(span[0] * (y1 - y0)), y0 + int(span[1] * (y1 - y0))
    piece = pixels[top : max(bottom, top + 1), x0 + inset : max(x1 - inset, x0 + inset + 1)]
    return colour_shares(piece) if piece.size else {}
