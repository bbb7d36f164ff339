"""Logits of overlapping views, fused on one canvas of bounded size.

Views are averaged in logit space with a Hann window, so that a view's border, where the model lacks context,
counts little; closer views weigh more than the views they were taken from. The canvas is cut once.
"""

import logging
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.heatmap import HeatMap
from segmentation.views import View

logger = logging.getLogger(__name__)

LARGEST_SIDE = 2048  # px of the canvas: 34 MB for sums and weights, whatever the photo's size
SMALLEST_SIDE = 352  # px of its short side: small photos get a canvas as fine as the model's masks
LIMIT = 20.0  # logits beyond it say nothing more, and one of them would outvote all other views
FLOOR = 1e-3  # weight at a view's very border: at the photo's border there is no other view


class Canvas:
    """Collects the logits of views of one photo for one target."""

    def __init__(self, width: int, height: int, largest: int = LARGEST_SIDE) -> None:
        """An empty canvas for a photo of that size, its longer side at most `largest`."""
        scale = max(width, height) / largest
        self.scale = max(scale, min(1.0, min(width, height) / SMALLEST_SIDE))
        # As many pixels as have their centre on the photo, so that every one of them is looked at.
        shape = (
            max(1, math.ceil(height / self.scale - 0.5)),
            max(1, math.ceil(width / self.scale - 0.5)),
        )
        self._sums = np.zeros(shape, np.float32)
        self._weights = np.zeros(shape, np.float32)

    def add(self, view: View, logits: NDArray[np.float32], weight: float = 1.0) -> None:
        """Adds the (S, S) logits of a view. What is not finite counts as absent or as certain."""
        if not np.isfinite(logits).all():
            logger.warning("the model gave numbers that are not finite; they count as absent")
        logits = np.clip(np.nan_to_num(logits, nan=-LIMIT, posinf=LIMIT, neginf=-LIMIT), -LIMIT, LIMIT)
        height, width = self._sums.shape
        x0, x1 = self._span(view.x, view.side, width)
        y0, y1 = self._span(view.y, view.side, height)
        if x0 >= x1 or y0 >= y1:
            return
        # Canvas pixel centres in view pixels: v = a * c + b.
        a = self.scale * logits.shape[0] / view.side
        bx = ((x0 + 0.5) * self.scale - view.x) * logits.shape[0] / view.side - 0.5
        by = ((y0 + 0.5) * self.scale - view.y) * logits.shape[0] / view.side - 0.5
        matrix = np.array([[a, 0, bx], [0, a, by]], np.float64)
        resampled = cv2.warpAffine(
            logits,
            matrix,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        window = weight * np.outer(self._hann(y0, y1, view.y, view.side), self._hann(x0, x1, view.x, view.side))
        self._sums[y0:y1, x0:x1] += window * resampled
        self._weights[y0:y1, x0:x1] += window

    def heat(self) -> HeatMap:
        """The fused map; where no view looked, the target counts as absent."""
        seen = self._weights > 0
        fused = np.full(self._sums.shape, -LIMIT, np.float32)
        np.divide(self._sums, self._weights, out=fused, where=seen)
        return HeatMap(fused, self.scale)

    def _span(self, start: int, side: int, limit: int) -> tuple[int, int]:
        """The canvas pixels whose centres lie in a view."""
        first = math.ceil(start / self.scale - 0.5)
        last = math.ceil((start + side) / self.scale - 0.5)
        return max(0, first), min(limit, last)

    def _hann(self, first: int, last: int, start: int, side: int) -> NDArray[np.float32]:
        """The window at the centres of canvas pixels: 1 in the middle of the view, FLOOR at its border."""
        position = ((np.arange(first, last) + 0.5) * self.scale - start) / side
        return np.asarray(np.maximum(np.sin(np.pi * position) ** 2, FLOOR), dtype=np.float32)
