"""RapidOCR in two steps: lines are found first and chosen, and only those are recognised.

Recognising lines, not finding them, is what reading a full shelf costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR
from rapidocr.main import RapidOCRError

from segmentation.keypoints import Floats


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines found on a picture: their (N, 4, 2) corners in its pixels, and what RapidOCR goes on with."""

    corners: Floats
    pieces: tuple[Any, ...] = ()
    detected: Any = None
    padding: Any = None


class Ocr(RapidOCR):
    """Finds lines on pictures, then reads some of them. Keeps state between the two: one thread at a time."""

    _chosen: Lines | None = None

    def find(self, picture: NDArray[np.uint8]) -> Lines:
        """The lines on a picture.

        Args:
            picture: (H, W, 3) uint8 BGR, of a size that RapidOCR does not change (30 px to its max_side_len a side).
        """
        record: dict[str, Any] = {}
        try:
            pieces, detected = super().detect_and_crop(self.load_img(picture), record)
        except RapidOCRError:  # none
            return Lines(np.zeros((0, 4, 2), np.float32))
        padding = record["padding_1"]  # RapidOCR heightens very flat pictures
        corners = np.asarray(detected.boxes, np.float32) - (padding["left"], padding["top"])
        return Lines(corners.astype(np.float32), tuple(pieces), detected, padding)

    def read(self, picture: NDArray[np.uint8], lines: Lines, chosen: Sequence[int]) -> Any:
        """RapidOCR's result for some of the lines that were found on the same picture."""
        detected = lines.detected
        detected.boxes, detected.scores = detected.boxes[list(chosen)], [detected.scores[i] for i in chosen]
        self._chosen = Lines(lines.corners, tuple(lines.pieces[i] for i in chosen), detected, lines.padding)
        return self(picture)

    def detect_and_crop(self, img: Any, op_record: dict[str, Any]) -> tuple[list[Any], Any]:
        """Overrides RapidOCR's first stage: it was done by `find`."""
        assert self._chosen is not None
        lines, self._chosen = self._chosen, None
        op_record["padding_1"] = lines.padding
        return list(lines.pieces), lines.detected
