"""Colours of packs by name: which share of a pack, or of one part of it, has a colour of the vocabulary."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segmentation.describe import colour_shares
from segmentation.geometry import Box, clip

WORN = 0.22  # share of a pack from which it wears a colour
WORN_BY_PART = 0.30  # share of the part of a pack where a lid or label is
_SPANS: dict[str, tuple[float, float]] = {  # of the height of a pack, from its top
    "lid": (0.0, 0.3), "cap": (0.0, 0.3), "top": (0.0, 0.3), "neck": (0.1, 0.4),
    "label": (0.3, 0.9), "band": (0.3, 0.9), "stripe": (0.2, 0.9),
}  # fmt: skip


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
