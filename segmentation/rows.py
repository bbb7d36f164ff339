"""The shelves of a photo: where their boards run, also when the camera looked at them from the side.

A board shows as one straight edge across the photo. Line segments (LSD, von Gioi et al. 2010) that are
nearly level give the slant of the shelves as a linear function of height, which is what perspective makes
of parallel boards; along that slant they are summed up. An edge that is covered over much of the width is a
board if there is more print above it than below: that tells the floor on which packs stand from the line of
their tops. Equal packs stacked to one straight line can still pass for a board, and a rack seen from far
aside hides its own. Of 24 photos of shelves, 16 come out as a person counts the rows, 5 more one row off.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.geometry import Box

WORKING_SIDE = 800  # px
STEEPEST = 15.0  # degrees from level
COVERED = 0.4  # of the width, by segments that make up one board
AS_MUCH = 0.6  # of what the clearest board of the photo covers
NEAREST = 0.065  # of the height: two edges this near are the two edges of one board
LEVEL_TOLERANCE = 0.03  # in slope, against the fitted slant
FLOOR_CONTRAST = 0.85  # print above a floor, at least this much of the print below it

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A nearly level line over the whole width: its height in px at the left and the right end."""

    left: float
    right: float

    def at(self, x: float, width: int) -> float:
        """Its height in px at column x."""
        return self.left + (self.right - self.left) * x / width


@dataclass(frozen=True)
class Rows:
    """What stands on each shelf lies between two lines; rows count from the top, 1 is the topmost."""

    lines: tuple[Line, ...]  # one more than there are rows
    width: int

    def __len__(self) -> int:
        return len(self.lines) - 1

    def of(self, box: Box) -> int:
        """The row on which a box stands: the one that holds most of its height."""
        x = (box[0] + box[2]) / 2
        heights = [line.at(x, self.width) for line in self.lines]
        shares = [min(box[3], low) - max(box[1], high) for high, low in pairwise(heights)]
        return int(np.argmax(shares)) + 1

    def span(self, box: Box) -> tuple[float, float]:
        """Where the row of a box begins and ends, in px from the top, at the middle of the box."""
        x, row = (box[0] + box[2]) / 2, self.of(box)
        return self.lines[row - 1].at(x, self.width), self.lines[row].at(x, self.width)


def find_rows(pixels: NDArray[np.uint8]) -> Rows:
    """The rows of an upright photo (H, W, 3); a single one where no board is seen."""
    height, width = pixels.shape[:2]
    scale = min(1.0, WORKING_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    segments = _level_segments(grey)
    slant = _slant(segments, grey.shape[0])
    floors = _floors(segments, slant, grey)
    lines = [_line(y, slant, grey.shape) for y in floors]
    scaled = [Line(line.left / scale, line.right / scale) for line in lines]
    top, bottom = Line(0, 0), Line(height, height)
    return Rows((top, *scaled, bottom) if _goes_on_below(floors, grey) else (top, *scaled[:-1], bottom), width)


def _level_segments(grey: NDArray[np.uint8]) -> Floats:
    """(S, 4) x0, y0, x1, y1 of segments that are long enough and nearly level; x0 < x1."""
    found = cv2.createLineSegmentDetector().detect(grey)[0]
    if found is None:
        return np.zeros((0, 4))
    segments = np.asarray(found, np.float64).reshape(-1, 4)
    swapped = segments[:, 0] > segments[:, 2]
    segments[swapped] = segments[swapped][:, [2, 3, 0, 1]]
    run, rise = segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1]
    chosen: Floats = segments[(run > 0.03 * grey.shape[1]) & (np.abs(rise) < run * np.tan(np.radians(STEEPEST)))]
    return chosen


def _slant(segments: Floats, height: int) -> Floats:
    """(2,) slope at mid-height and its change over the whole height; a robust fit weighted by length."""
    fit: Floats = np.zeros(2)
    if not len(segments):
        return fit
    run = segments[:, 2] - segments[:, 0]
    slope = (segments[:, 3] - segments[:, 1]) / run
    middle = (segments[:, 1] + segments[:, 3]) / 2
    design = np.stack([np.ones_like(middle), middle / height - 0.5], axis=1)  # (S, 2)
    for _ in range(10):  # iteratively reweighted: the sum of absolute and not of squared errors
        weight = np.sqrt(run / (np.abs(slope - design @ fit) + 0.01))
        fit = np.asarray(np.linalg.lstsq(design * weight[:, None], slope * weight, rcond=None)[0], np.float64)
    return fit


def _slope(slant: Floats, y: NDArray[np.floating] | float, height: int) -> Floats:
    return np.asarray(slant[0] + slant[1] * (np.asarray(y) / height - 0.5))


def _floors(segments: Floats, slant: Floats, grey: NDArray[np.uint8]) -> list[int]:
    """Heights in px, at the middle column, of the boards; from the top."""
    height, width = grey.shape
    covered = np.zeros((height, width), np.uint8)
    middle_x = (segments[:, 0] + segments[:, 2]) / 2
    middle_y = (segments[:, 1] + segments[:, 3]) / 2
    expected = _slope(slant, middle_y, height)
    slope = (segments[:, 3] - segments[:, 1]) / (segments[:, 2] - segments[:, 0])
    at_middle = middle_y + (width / 2 - middle_x) * expected
    level = np.abs(slope - expected) < LEVEL_TOLERANCE
    for (x0, _, x1, _), y in zip(segments[level], at_middle[level], strict=True):
        if 0 <= y < height:
            covered[int(y), max(0, int(x0)) : int(x1) + 1] = 1
    reach = max(1, round(0.006 * height))
    coverage = cv2.dilate(covered, np.ones((2 * reach + 1, 1), np.uint8)).mean(axis=1)
    print_above, print_below = _print_around(grey, slant)
    coverage[print_above < FLOOR_CONTRAST * print_below] = 0
    floors = []
    enough = max(COVERED, AS_MUCH * float(coverage.max(initial=0)))
    while coverage.max(initial=0) >= enough:
        y = int(coverage.argmax())
        floors.append(y)
        coverage[max(0, y - round(NEAREST * height)) : y + round(NEAREST * height) + 1] = 0
    return sorted(y for y in floors if NEAREST * height < y < (1 - NEAREST / 2) * height)


def _print_around(grey: NDArray[np.uint8], slant: Floats) -> tuple[Floats, Floats]:
    """(H,) how much upright structure there is just above and just below each slanted line."""
    height, width = grey.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    level = cv2.remap(
        grey,
        x,
        (y + (x - width / 2) * np.asarray(_slope(slant, y, height), np.float32)).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    structure = np.abs(cv2.Sobel(level, cv2.CV_32F, 1, 0)).mean(axis=1)
    total = np.concatenate([[0.0], np.cumsum(structure)])
    near, far = max(1, round(0.008 * height)), max(2, round(0.055 * height))
    rows = np.arange(height)

    def mean(start: NDArray[np.intp], stop: NDArray[np.intp]) -> Floats:
        start, stop = np.clip(start, 0, height), np.clip(stop, 0, height)
        return np.asarray((total[stop] - total[start]) / np.maximum(stop - start, 1))

    return mean(rows - far, rows - near), mean(rows + near, rows + far)


def _line(y: int, slant: Floats, shape: tuple[int, ...]) -> Line:
    half = float(_slope(slant, float(y), shape[0])) * shape[1] / 2
    return Line(y - half, y + half)


def _goes_on_below(floors: list[int], grey: NDArray[np.uint8]) -> bool:
    """Whether there is room and print for one more row under the lowest board."""
    if not floors:
        return True
    height = grey.shape[0]
    rest = grey[floors[-1] :]
    if rest.shape[0] < 0.1 * height:
        return False
    structure = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)).mean(axis=1)
    return bool(structure[floors[-1] + round(0.03 * height) :].mean() > 0.5 * structure[: floors[-1]].mean())
