"""How alike two packs look once one is laid over the other: print and colour, cell by cell.

Votes find copies; they do not tell a product from its variant. So the copy is warped onto the example, both are cut
into cells, and each cell may shift a little to allow for round packs and folds. Print is compared by normalised
correlation of lightness (blind to exposure), colour by the distance of mean chroma in CIELAB.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.geometry import Box
from segmentation.keypoints import Floats

SHORT_SIDE = 48  # px to which the example is brought
CELLS = 5  # along the shorter side
SHIFT = 0.16  # of the shorter side: how far a cell may move
FULL_TEXTURE = 12.0  # standard deviation of lightness from which a cell has its full say


@dataclass(frozen=True)
class Likeness:
    """Print agreement (1 is the same, about 0.6 is chance) and colour distance (CIELAB units, 0 is the same)."""

    print: float
    colour: float


@dataclass(frozen=True, eq=False)
class _Cell:
    """A part of the example: where it is in the small frame, its lightness, and how much of a say it has."""

    left: int
    top: int
    lightness: Floats  # (h, w)
    weight: float


def _cells_of(example: Floats) -> list[_Cell]:
    height, width = example.shape[:2]
    cell = SHORT_SIDE / CELLS
    columns, rows = max(1, round(width / cell)), max(1, round(height / cell))
    xs = [round(i * width / columns) for i in range(columns + 1)]
    ys = [round(j * height / rows) for j in range(rows + 1)]
    cells = []
    for y0, y1 in pairwise(ys):
        for x0, x1 in pairwise(xs):
            lightness = np.ascontiguousarray(example[y0:y1, x0:x1, 0])
            cells.append(_Cell(x0, y0, lightness, min(float(lightness.std()), FULL_TEXTURE) + 0.5))
    return cells


def to_lab(pixels: NDArray[np.uint8]) -> Floats:
    """(H, W, 3) float32 CIELAB of an RGB photo: lightness 0..100, chroma about -100..100."""
    return np.asarray(cv2.cvtColor(pixels.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB), np.float32)


class LikenessTo:
    """Compares places on a photo with one example; the example is prepared once.

    Args:
        example_pixels: (H, W, 3) uint8 RGB photo that the example is on.
        box: the example's box on it.
        pixels: (H, W, 3) uint8 RGB photo that is searched.
    """

    def __init__(self, example_pixels: NDArray[np.uint8], box: Box, pixels: NDArray[np.uint8]) -> None:
        self._box = box
        width, height = box[2] - box[0], box[3] - box[1]
        self._scale = SHORT_SIDE / min(width, height)
        self._size = (max(16, round(width * self._scale)), max(16, round(height * self._scale)))
        self._pixels = pixels
        to_box = np.array([[1 / self._scale, 0, box[0]], [0, 1 / self._scale, box[1]]], np.float32)
        example = warp(example_pixels, to_box, self._size)
        self._cells = _cells_of(example)
        self._weights = [cell.weight for cell in self._cells]
        self._chroma = _mean_chroma(example, [(cell.left, cell.top) for cell in self._cells], self._cells)

    def at(self, transform: Floats) -> Likeness:
        """Likeness of the place onto which a (2, 3) similarity brings the example."""
        margin = round(SHIFT * SHORT_SIDE)
        x0, y0 = self._box[0] - margin / self._scale, self._box[1] - margin / self._scale
        to_box = np.array([[1 / self._scale, 0, x0], [0, 1 / self._scale, y0], [0, 0, 1]])
        size = (self._size[0] + 2 * margin, self._size[1] + 2 * margin)
        place = warp(self._pixels, (transform @ to_box).astype(np.float32), size)
        lightness = np.ascontiguousarray(place[..., 0])
        agreement, corners = [], []
        for cell in self._cells:
            height, width = cell.lightness.shape
            around = lightness[cell.top : cell.top + height + 2 * margin, cell.left : cell.left + width + 2 * margin]
            _, best, _, (dx, dy) = cv2.minMaxLoc(cv2.matchTemplate(around, cell.lightness, cv2.TM_CCOEFF_NORMED))
            agreement.append(min(max(best, -1.0), 1.0) if np.isfinite(best) else 0.0)
            corners.append((cell.left + dx, cell.top + dy))
        distance = np.hypot(*(self._chroma - _mean_chroma(place, corners, self._cells)).T)
        return Likeness(float(np.average(agreement, weights=self._weights)), float(distance.mean()))


def _mean_chroma(lab: Floats, corners: Sequence[tuple[int, int]], cells: Sequence[_Cell]) -> NDArray[np.float64]:
    """(N, 2) mean of the two chroma channels under each cell, laid with its top left corner at a place."""
    total = cv2.integral(np.ascontiguousarray(lab[..., 1:]), sdepth=cv2.CV_64F)
    x0, y0 = np.array(corners).T
    sizes = np.array([cell.lightness.shape for cell in cells])
    x1, y1 = x0 + sizes[:, 1], y0 + sizes[:, 0]
    sums = total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]
    return np.asarray(sums / sizes.prod(axis=1)[:, None], np.float64)


def warp(pixels: NDArray[np.uint8], to_photo: Floats, size: tuple[int, int]) -> Floats:
    """The part of the photo under a small frame, in CIELAB, without aliasing."""
    corners = to_photo[:, :2] @ np.array([[0, size[0], 0, size[0]], [0, 0, size[1], size[1]]]) + to_photo[:, 2:]
    reduction = float(np.hypot(to_photo[0, 0], to_photo[1, 0]))
    pad = int(3 * reduction) + 2
    x0, y0 = (max(0, int(np.floor(v)) - pad) for v in corners.min(axis=1))
    x1, y1 = (int(np.ceil(v)) + pad for v in corners.max(axis=1))
    piece = pixels[y0 : max(y1, 1), x0 : max(x1, 1)]
    if piece.size == 0:
        return np.zeros((size[1], size[0], 3), np.float32)
    local = to_photo.astype(np.float64)
    local[:, 2] -= (x0, y0)
    smooth = cv2.GaussianBlur(piece, (0, 0), max(0.45 * reduction, 0.3))
    warped = cv2.warpAffine(
        smooth, local, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT
    )
    return to_lab(np.asarray(warped, np.uint8))
