"""How far a pack reaches around a word on it: as far as the surroundings of its copies look alike.

A word says where a pack is, not how large it is. Copies of the pack carry the same print around the word; what stands
beside, above and below them differs. So the surroundings of the copies are laid over each other, compared cell by
cell, and the box grows from the word as long as the next strip of cells agrees. In a row of equal packs the
neighbours agree as well: there the box ends half-way to the next copy.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segmentation.geometry import Box, Point, centre, clip
from segmentation.keypoints import Floats
from segmentation.likeness import warp

CELL = 8  # px of the common frame
CELLS_OF_A_WINDOW = 5  # along the shorter side of the window to start from
REACH = 2.5  # sides of the window to look around it, each way
SHIFT = 3  # px that a cell may move: packs are round and bent
MOST_COPIES = 8
AGREES = 0.62  # mean correlation of a strip's textured cells
TEXTURED = 4.0  # standard deviation of lightness along its rows from which a cell shows print: a shelf's edge does not
BRIDGE = 2  # strips without agreement that may lie inside a pack

Side = Literal["left", "top", "right", "bottom"]


def pack_extent(
    pixels: NDArray[np.uint8],
    window: Box,
    copies: Sequence[Floats],
    others: Sequence[Point],
    shelf: tuple[float, float] = (float("-inf"), float("inf")),
) -> Box:
    """The pack around a window.

    Args:
        pixels: (H, W, 3) uint8 RGB photo.
        window: part of the pack.
        copies: (2, 3) similarities from the window's surroundings onto those of its copies.
        others: middles of the same part on all other packs, copies and variants alike.
        shelf: where the shelf of the pack begins and ends, in px from the top: shelves above and below may agree too.

    Returns:
        A box that holds the window; the window itself where no copy tells more.
    """
    if not copies:
        return window
    width, height = window[2] - window[0], window[3] - window[1]
    step = min(width, height) / CELLS_OF_A_WINDOW  # photo px of a cell
    columns, rows = (int(np.ceil(side * REACH / step)) for side in (width, height))
    agreement = _agreement(pixels, window, copies[:MOST_COPIES], step, columns, rows)
    limits = _limits(window, others)
    across, down = max(1, round(width / step)), max(1, round(height / step))
    box = [columns, rows, columns + across, rows + down]  # in cells of the map
    for _ in range(2):  # a wider box judges the strips above it anew
        for side in ("top", "bottom", "left", "right"):
            _extend(agreement, box, side)
    grown = (
        window[0] - (columns - box[0]) * step,
        window[1] - (rows - box[1]) * step,
        window[2] + (box[2] - columns - across) * step,
        window[3] + (box[3] - rows - down) * step,
    )
    x0, y0 = max(grown[0], limits[0]), max(grown[1], limits[1], shelf[0])
    x1, y1 = min(grown[2], limits[2]), min(grown[3], limits[3], shelf[1])
    whole = (round(min(x0, window[0])), round(min(y0, window[1])), round(max(x1, window[2])), round(max(y1, window[3])))
    return clip(whole, pixels.shape[1], pixels.shape[0])


def _agreement(
    pixels: NDArray[np.uint8], window: Box, copies: Sequence[Floats], step: float, columns: int, rows: int
) -> Floats:
    """(rows, columns) correlation of each cell around the window, the median over the copies; NaN where plain."""
    width, height = window[2] - window[0], window[3] - window[1]
    across = 2 * columns + max(1, round(width / step))
    down = 2 * rows + max(1, round(height / step))
    factor = step / CELL
    corner = (window[0] - columns * step, window[1] - rows * step)
    frame = np.array([[factor, 0, corner[0]], [0, factor, corner[1]], [0, 0, 1]])
    size = (across * CELL, down * CELL)
    own = warp(pixels, frame[:2].astype(np.float32), size)[..., 0]
    moved = frame.copy()
    moved[:2, 2] -= SHIFT * factor
    cells = _cells(own)
    printed = (cells - cells.mean(axis=3, keepdims=True)).std(axis=(2, 3)) >= TEXTURED
    maps = []
    for copy in copies:
        other = warp(pixels, (copy @ moved).astype(np.float32), (size[0] + 2 * SHIFT, size[1] + 2 * SHIFT))[..., 0]
        maps.append(_best_correlation(cells, other))
    agreement = np.median(np.stack(maps), axis=0)
    return np.where(printed, agreement, np.nan).astype(np.float32)


def _cells(lightness: Floats) -> Floats:
    """(rows, columns, CELL, CELL) cells of a picture of whole cells."""
    rows, columns = lightness.shape[0] // CELL, lightness.shape[1] // CELL
    return lightness.reshape(rows, CELL, columns, CELL).swapaxes(1, 2)


def _best_correlation(cells: Floats, other: Floats) -> Floats:
    """(rows, columns) normalised correlation of each cell with the other picture, the best over small shifts."""
    height, width = cells.shape[0] * CELL, cells.shape[1] * CELL
    own = cells - cells.mean(axis=(2, 3), keepdims=True)
    own_norm = np.sqrt((own**2).sum(axis=(2, 3)))
    best = np.full(cells.shape[:2], -1.0, np.float32)
    for dy in range(2 * SHIFT + 1):
        for dx in range(2 * SHIFT + 1):
            place = _cells(other[dy : dy + height, dx : dx + width])
            place = place - place.mean(axis=(2, 3), keepdims=True)
            norm = own_norm * np.sqrt((place**2).sum(axis=(2, 3)))
            np.maximum(best, (own * place).sum(axis=(2, 3)) / np.maximum(norm, 1e-3), out=best)
    return best


def _extend(agreement: Floats, box: list[int], side: Side) -> None:
    """Move one side of a box of cells outwards while strips agree; a few that do not may be passed over."""
    at = {"left": 0, "top": 1, "right": 2, "bottom": 3}[side]
    outwards = -1 if at < 2 else 1
    end = 0 if at < 2 else agreement.shape[1 if at == 2 else 0]
    reached = box[at]
    missed = 0
    place = reached
    while place != end and missed <= BRIDGE:
        strip = place - 1 if at < 2 else place
        cells = agreement[box[1] : box[3], strip] if at in (0, 2) else agreement[strip, box[0] : box[2]]
        printed = cells[~np.isnan(cells)]
        place += outwards
        if len(printed) >= max(1, len(cells) // 4) and printed.mean() >= AGREES:
            reached, missed = place, 0
        else:
            missed += 1
    box[at] = reached


def _limits(window: Box, others: Sequence[Point]) -> tuple[float, float, float, float]:
    """Half-way to the nearest other pack on each side; on a side without one, as far as on the opposite side."""
    x, y = centre(window)
    width, height = window[2] - window[0], window[3] - window[1]
    across = [px - x for px, py in others if abs(py - y) < 0.5 * height and abs(px - x) > 0.3 * width]
    down = [py - y for px, py in others if abs(px - x) < 0.5 * width and abs(py - y) > 0.3 * height]
    left, right = _half(across)
    top, bottom = _half(down)
    return (x - left, y - top, x + right, y + bottom)


def _half(offsets: Sequence[float]) -> tuple[float, float]:
    before = min((-value / 2 for value in offsets if value < 0), default=float("inf"))
    after = min((value / 2 for value in offsets if value > 0), default=float("inf"))
    least = min(before, after)
    return (before if before < float("inf") else least, after if after < float("inf") else least)
