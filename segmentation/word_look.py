"""Whether the word of an example is seen again on a copy, by its look and not by its letters.

A reader misses words that anyone sees are the same. Where a copy lies is known, and with it where its word must stand:
that piece is compared with the example's by normalised correlation. It parts what merely repeats around a word, a
price sign that hangs over two packs or the design of another variant, from packs that carry the word.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.geometry import Box, centre
from segmentation.keypoints import Floats
from segmentation.likeness import warp

HEIGHT = 24  # px to which a word's shorter side is brought: its letters, not the dots of its print
MARGIN = 0.15  # of the shorter side, around the word
PLAY = 0.5  # of the shorter side: how far the copy's word may lie off
SCALES = (0.9, 1.0, 1.1)  # beside that of the copy
SHOWN = 0.8  # share of a word's place that must lie on the photo to be judged
LEAST_CONTRAST = 6.0  # standard deviation of lightness; a fainter word looks like anything


class WordLook:
    """Compares the place of a word on copies with the word on the example.

    Args:
        own: (H, W, 3) uint8 RGB photo of the example.
        box: where the word stands on it.
        pixels: (H, W, 3) uint8 RGB photo of the copies.
    """

    def __init__(self, own: NDArray[np.uint8], box: Box, pixels: NDArray[np.uint8]) -> None:
        self._box, self._pixels = box, pixels
        self._step = max(1, min(box[2] - box[0], box[3] - box[1])) / HEIGHT  # photo px of a template px
        frame, size = self._frame(MARGIN)
        self._word = np.ascontiguousarray(warp(own, frame[:2].astype(np.float32), size)[..., 0])
        self.usable = float(self._word.std()) >= LEAST_CONTRAST

    def at(self, transform: Floats) -> float | None:
        """Correlation, 1 for the same look, of the word and its place under a (2, 3) similarity example -> photo.

        None where too little of that place lies on the photo.
        """
        if self._shown(transform) < SHOWN:
            return None
        frame, size = self._frame(MARGIN + PLAY)
        x, y = centre(self._box)
        best = -1.0
        for scale in SCALES:
            about = np.array([[scale, 0, x * (1 - scale)], [0, scale, y * (1 - scale)], [0, 0, 1]])
            place = warp(self._pixels, (transform @ about @ frame).astype(np.float32), size)[..., 0]
            match = cv2.matchTemplate(np.ascontiguousarray(place), self._word, cv2.TM_CCOEFF_NORMED)
            best = max(best, float(np.nan_to_num(match).max()))
        return best

    def _shown(self, transform: Floats) -> float:
        """The share of the word's place that lies on the photo."""
        x0, y0, x1, y1 = self._box
        corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32) @ transform[:, :2].T + transform[:, 2]
        low, high = corners.min(axis=0), corners.max(axis=0)
        height, width = self._pixels.shape[:2]
        inside = np.clip(np.minimum(high, (width, height)) - np.maximum(low, 0), 0, None)
        return float(np.prod(inside) / max(float(np.prod(high - low)), 1.0))

    def _frame(self, margin: float) -> tuple[NDArray[np.float64], tuple[int, int]]:
        """The (3, 3) map from a picture of the word and its surroundings onto the photo, and the picture's size."""
        x0, y0, x1, y1 = self._box
        around = margin * HEIGHT
        size = (round((x1 - x0) / self._step + 2 * around), round((y1 - y0) / self._step + 2 * around))
        corner = (x0 - around * self._step, y0 - around * self._step)
        return np.array([[self._step, 0, corner[0]], [0, self._step, corner[1]], [0, 0, 1]]), size
