"""Square windows on a photo: what is cut out, brought to the encoder's size, and mapped back.

Squares keep the aspect ratio. CLIPSeg was trained on square crops, and squashing a wide shelf photo would
cost horizontal resolution, which is where facings are told apart.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segmentation.geometry import Box

OVERLAP = 0.25  # of the side; the fusion window is close to 0 in the outer eighth of a view
LARGEST_OVERVIEW = 6  # views; a longer panorama is looked at in squares taller than itself
LATTICE = 8  # positions per side: neighbouring wishes fall on the same view, which is encoded once


@dataclass(frozen=True, order=True)
class View:
    """A square window in photo pixels; it may stick out of the photo."""

    x: int
    y: int
    side: int

    @property
    def box(self) -> Box:
        """The window as a box."""
        return (self.x, self.y, self.x + self.side, self.y + self.side)


def overview(width: int, height: int) -> tuple[View, ...]:
    """The views that show the whole photo at once: overlapping squares along its longer side."""
    long, side = max(width, height), min(width, height)
    if _number(long, side) > LARGEST_OVERVIEW:
        side = math.ceil(long / (LARGEST_OVERVIEW * (1 - OVERLAP) + OVERLAP))
    across = (min(width, height) - side) // 2
    starts = _starts(0, long, side, long)
    return tuple(View(at, across, side) if width >= height else View(across, at, side) for at in starts)


def cover(box: Box, side: int, width: int, height: int) -> tuple[View, ...]:
    """Views of one side that hold a box, overlapping where more than one is needed.

    They lie on a lattice and inside the photo; `side` must not be larger than the photo.
    """
    columns = _starts(box[0], box[2], side, width)
    rows = _starts(box[1], box[3], side, height)
    return tuple(View(x, y, side) for y in rows for x in columns)


def cut(pixels: NDArray[np.uint8], view: View, size: int, mean: Sequence[float]) -> NDArray[np.uint8]:
    """The window as a picture of that size, (size, size, 3) uint8 RGB; mean colour beyond the border.

    Resized by PIL's bilinear filter, as the image processors of transformers do without torchvision.
    """
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = view.box
    if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
        window = pixels[y0:y1, x0:x1]
    else:
        window = np.empty((view.side, view.side, 3), np.uint8)
        window[:] = np.round(np.asarray(mean) * 255).astype(np.uint8)
        inside = (slice(max(0, y0), min(height, y1)), slice(max(0, x0), min(width, x1)))
        window[inside[0].start - y0 : inside[0].stop - y0, inside[1].start - x0 : inside[1].stop - x0] = pixels[inside]
    picture = Image.fromarray(np.ascontiguousarray(window))
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))


def _number(length: float, side: float) -> int:
    """How many windows of a side cover a length with the overlap."""
    if length <= side:
        return 1
    return math.ceil((length - side * OVERLAP) / (side * (1 - OVERLAP)))


def _starts(begin: int, end: int, side: int, limit: int) -> list[int]:
    """First pixels of the windows that hold [begin, end) on an axis of `limit` pixels, in order."""
    step = max(1, side // LATTICE)
    last = max(0, limit - side)  # the photo's border is a place of the lattice too
    number = _number(end - begin, side)
    if number == 1:
        wishes = [(begin + end - side) / 2]
    else:
        wishes = [begin + (end - begin - side) * index / (number - 1) for index in range(number)]
    starts = set()
    for wish in wishes:
        wanted = min(last, max(0, wish))
        snapped = min(last, round(wanted / step) * step)
        starts.add(last if last - wanted < abs(snapped - wanted) else snapped)
    return sorted(starts)
