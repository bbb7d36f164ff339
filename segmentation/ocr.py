"""RapidOCR in two steps: lines are found first and chosen, and only those are cut out and recognised.

Recognising lines, not finding them, is what reading a full shelf costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR
from rapidocr.main import RapidOCRError
from rapidocr.utils.process_img import get_rotate_crop_image

from segmentation.keypoints import Floats

MARGIN = 4  # px around a line that cubic interpolation may look at


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines found on a picture: their (N, 4, 2) corners in its pixels, and what RapidOCR goes on with."""

    corners: Floats
    prepared: Any = None  # the picture as the lines were found on it, and their boxes there
    detected: Any = None
    record: Any = None


class Ocr(RapidOCR):
    """Finds lines on pictures, then reads some of them."""

    def find(self, picture: NDArray[np.uint8]) -> Lines:
        """The lines on a picture.

        Args:
            picture: (H, W, 3) uint8 BGR.
        """
        prepared, record = self.preprocess_img(picture)
        try:
            (prepared,), detected = self.detect_and_crop(prepared, record)
        except RapidOCRError:  # none
            return Lines(np.zeros((0, 4, 2), np.float32))
        ratios, padding = record["preprocess"], record["padding_1"]
        corners = np.asarray(detected.boxes, np.float32) - (padding["left"], padding["top"])
        return Lines((corners * (ratios["ratio_w"], ratios["ratio_h"])).astype(np.float32), prepared, detected, record)

    def read(self, picture: NDArray[np.uint8], lines: Lines, chosen: Sequence[int]) -> Any:
        """RapidOCR's result for some of the lines that were found on the same picture."""
        detected = lines.detected
        detected.boxes, detected.scores = detected.boxes[list(chosen)], [detected.scores[i] for i in chosen]
        pieces = [_upright(lines.prepared, quad) for quad in detected.boxes]
        turned, turns = self.cls_and_rotate(pieces)
        recognised = self.recognize_txt(turned)
        return self.build_final_output(picture, detected, turns, recognised, pieces, lines.record)

    def crop_text_regions(self, img: NDArray[np.uint8], det_boxes: Floats) -> list[NDArray[np.uint8]]:
        """Overrides RapidOCR's, which cuts out every line: the whole picture, as prepared, for `read` to cut from."""
        return [img]


def _upright(picture: NDArray[np.uint8], quad: Floats) -> NDArray[np.uint8]:
    """A line cut out upright. Only its surroundings are warped: OpenCV 5 takes 10 ms a line for a whole tile."""
    height, width = picture.shape[:2]
    x0, y0 = np.clip(np.floor(quad.min(axis=0)).astype(int) - MARGIN, 0, (width - 1, height - 1))
    x1, y1 = np.clip(np.ceil(quad.max(axis=0)).astype(int) + MARGIN + 1, 1, (width, height))
    piece = np.ascontiguousarray(picture[y0:y1, x0:x1])
    return np.asarray(get_rotate_crop_image(piece, (quad - (x0, y0)).astype(np.float32)), np.uint8)
