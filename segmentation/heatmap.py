"""Where on the photo the model sees the target: logits on a canvas, in photo coordinates."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from segmentation.geometry import Box


@dataclass(frozen=True, eq=False)
class HeatMap:
    """Fused logits. Never stretched: a product that is absent stays below every threshold."""

    logits: NDArray[np.float32]  # (h, w), finite
    scale: float  # photo pixels per canvas pixel
    centres: NDArray[np.float32] | None = None  # (h, w), logits of being the centre of a pack, whatever was asked

    @cached_property
    def probability(self) -> NDArray[np.float32]:
        """The sigmoid of the logits, (h, w)."""
        return sigmoid(self.logits)

    @property
    def peak(self) -> float:
        """The best probability anywhere."""
        return float(self.probability.max())

    def at(self, x: float, y: float) -> float:
        """The probability at a point of the photo; 0 outside."""
        column, row = int(x // self.scale), int(y // self.scale)
        height, width = self.logits.shape
        if not (0 <= column < width and 0 <= row < height):
            return 0.0
        return float(self.probability[row, column])

    def score(self, box: Box) -> float:
        """The mean probability in a box of the photo; 0 when it lies outside."""
        x0, y0, x1, y1 = self.to_canvas(box)
        inside = self.probability[y0:y1, x0:x1]
        return float(inside.mean()) if inside.size else 0.0

    def to_canvas(self, box: Box) -> Box:
        """The canvas pixels that a photo box touches, clipped to the canvas."""
        height, width = self.logits.shape
        x0, y0 = (max(0, int(value // self.scale)) for value in box[:2])
        x1, y1 = (max(0, int(-(-value // self.scale))) for value in box[2:])
        return (x0, y0, min(width, x1), min(height, y1))

    def to_photo(self, box: Box) -> Box:
        """The photo box that canvas pixels stand for."""
        x0, y0, x1, y1 = (round(value * self.scale) for value in box)
        return (x0, y0, x1, y1)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), dtype=np.float32)
