"""Whether the word of an example is seen again on a copy, by its look and not by its letters.

A reader misses words that anyone sees are the same. Where a copy lies is known, and with it where its word must stand:
that piece is compared with the example's by normalised correlation. It parts what merely repeats around a word, a
price sign that hangs over two packs or the design of another variant, from packs that carry the word.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.geometry import Box, area, centre
from segmentation.keypoints import Floats
from segmentation.likeness import warp

HEIGHT = 24  # px to which a word's shorter side is brought: its letters, not the dots of its print
MARGIN = 0.15  # of the shorter side, around the word
PLAY = 0.5  # of the shorter side: how far the copy's word may lie off
SCALES = (0.9, 1.0, 1.1)  # beside that of the copy
SHOWN = 0.3  # share of a word's place that must lie on the photo to be judged
LEAST_CONTRAST = 6.0  # standard deviation of lightness; a fainter word looks like anything


class WordLook:
    """Compares the place of a word on copies with the word on the example.

    Args:
        own: (H, W, 3) uint8 RGB photo of the example.
        box: where the word stands on it.
        pixels: (H, W, 3) uint8 RGB photo of the copies.
    """

    def __init__(self, own: NDArray[np.uint8], box: Box, pixels: NDArray[np.uint8]) -> None:
        self._own, self._box, self._pixels = own, box, pixels
        self._step = max(1, min(box[2] - box[0], box[3] - box[1])) / HEIGHT  # photo px of a template px
        self._word = self._picture(box)
        self.usable = float(self._word.std()) >= LEAST_CONTRAST

    def at(self, transform: Floats) -> float | None:
        """Correlation, 1 for the same look, of the word and its place under a (2, 3) similarity example -> photo.

        Where the frame cuts the place off the rest is compared; None where too little is left.
        """
        box = self._shown(transform)
        if box is None:
            return None
        word = self._word if box == self._box else self._picture(box)
        frame, size = self._frame(box, MARGIN + PLAY)
        x, y = centre(box)
        best = -1.0
        for scale in SCALES:
            about = np.array([[scale, 0, x * (1 - scale)], [0, scale, y * (1 - scale)], [0, 0, 1]])
            place = warp(self._pixels, (transform @ about @ frame).astype(np.float32), size)[..., 0]
            match = cv2.matchTemplate(np.ascontiguousarray(place), word, cv2.TM_CCOEFF_NORMED)
            best = max(best, float(np.nan_to_num(match).max()))
        return best

    def _shown(self, transform: Floats) -> Box | None:
        """The part of the word whose place lies on the photo; None when it is a small part."""
        height, width = self._pixels.shape[:2]
        linear = np.linalg.inv(transform[:, :2])
        corners = (np.array([(0, 0), (width, height)], np.float64) - transform[:, 2]) @ linear.T
        x0, y0, x1, y1 = self._box
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        box = (max(x0, round(left)), max(y0, round(top)), min(x1, round(right)), min(y1, round(bottom)))
        return box if area(box) >= SHOWN * area(self._box) else None

    def _picture(self, box: Box) -> Floats:
        """The lightness of a part of the example with a margin, (h, w)."""
        frame, size = self._frame(box, MARGIN)
        return np.ascontiguousarray(warp(self._own, frame[:2].astype(np.float32), size)[..., 0])

    def _frame(self, box: Box, margin: float) -> tuple[NDArray[np.float64], tuple[int, int]]:
        """The (3, 3) map from a picture of a part and its surroundings onto the photo, and the picture's size."""
        x0, y0, x1, y1 = box
        around = margin * HEIGHT
        size = (round((x1 - x0) / self._step + 2 * around), round((y1 - y0) / self._step + 2 * around))
        corner = (x0 - around * self._step, y0 - around * self._step)
        return np.array([[self._step, 0, corner[0]], [0, self._step, corner[1]], [0, 0, 1]]), size
