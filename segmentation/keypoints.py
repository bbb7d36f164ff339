"""Keypoints of a photo at a working scale: SIFT (Lowe 2004), RootSIFT descriptors (Arandjelović and Zisserman 2012).

Coordinates are always in pixels of the full photo, whatever the scale at which they were found.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.geometry import Box

Floats = NDArray[np.float32]

PACK_SIDE = 150.0  # px; an example is looked at so that the root of its area is about this
MAX_ENLARGEMENT = 4.0
MAX_PIXELS = 8_000_000  # at the working scale
TILE = 1400  # px; SIFT doubles its input and keeps a pyramid: tiles bound its memory to some 400 MB
MARGIN = 64  # px of overlap between tiles; keypoints in the margin belong to the neighbour
CONTRAST = 0.02
EDGE = 12.0


@dataclass(frozen=True)
class Keypoints:
    """N keypoints: xy (N, 2), size (N,) in photo px, angle (N,) in degrees, descriptor (N, 128), unit length."""

    xy: Floats
    size: Floats
    angle: Floats
    descriptor: Floats

    def __len__(self) -> int:
        return len(self.xy)

    def inside(self, box: Box) -> NDArray[np.intp]:
        """Indices of the keypoints in a box that are features of it rather than the box as a whole."""
        x0, y0, x1, y1 = box
        x, y = self.xy[:, 0], self.xy[:, 1]
        within = (x >= x0) & (x < x1) & (y >= y0) & (y < y1) & (self.size < 0.7 * min(x1 - x0, y1 - y0))
        return np.flatnonzero(within)


def working_scale(box: Box, width: int, height: int) -> float:
    """The scale at which an example is looked at, in steps of the square root of two so that examples share it."""
    side = ((box[2] - box[0]) * (box[3] - box[1])) ** 0.5
    wanted = 2.0 ** (round(2 * np.log2(PACK_SIDE / max(side, 1.0))) / 2)
    return float(min(wanted, MAX_ENLARGEMENT, (MAX_PIXELS / (width * height)) ** 0.5))


def find_keypoints(pixels: NDArray[np.uint8], scale: float) -> Keypoints:
    """SIFT keypoints of a photo.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        scale: the photo is resized by this factor first.
    """
    height, width = pixels.shape[:2]
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if scale != 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
    sift = cv2.SIFT.create(nfeatures=0, contrastThreshold=CONTRAST, edgeThreshold=EDGE)
    rows: list[Floats] = []
    descriptors: list[Floats] = []
    for top in range(0, grey.shape[0], TILE):
        for left in range(0, grey.shape[1], TILE):
            y0, x0 = max(0, top - MARGIN), max(0, left - MARGIN)
            tile = grey[y0 : top + TILE + MARGIN, x0 : left + TILE + MARGIN]
            points, found = sift.detectAndCompute(tile, None)
            if not points:
                continue
            row = np.array([(p.pt[0] + x0, p.pt[1] + y0, p.size, p.angle) for p in points], np.float32)
            own = (row[:, 0] >= left) & (row[:, 0] < left + TILE) & (row[:, 1] >= top) & (row[:, 1] < top + TILE)
            rows.append(row[own])
            descriptors.append(np.asarray(found[own], np.float32))
    if not rows:
        empty = np.zeros(0, np.float32)
        return Keypoints(np.zeros((0, 2), np.float32), empty, empty, np.zeros((0, 128), np.float32))
    table, sift_descriptors = np.concatenate(rows), np.concatenate(descriptors)
    root = np.sqrt(sift_descriptors / (sift_descriptors.sum(axis=1, keepdims=True) + 1e-7))
    return Keypoints(table[:, :2] / scale, table[:, 2] / scale, table[:, 3], root.astype(np.float32))


class KeypointCache:
    """The keypoints of the photos looked at last, by photo and scale."""

    def __init__(self, entries: int = 6) -> None:
        self._entries = entries
        self._kept: OrderedDict[tuple[str, float], Keypoints] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, photo_sha256: str, pixels: NDArray[np.uint8], scale: float) -> Keypoints:
        """Keypoints of that photo at that scale, found now or before."""
        key = (photo_sha256, round(scale, 4))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = find_keypoints(pixels, scale)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > self._entries:
                self._kept.popitem(last=False)
        return found
