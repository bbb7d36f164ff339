"""Reading a word again on each copy, right where the copy should have it.

The reader finds lines by itself and misses many: print that it reads on one facing it overlooks on the next. Where a
copy lies is known, though, and with it where its word must stand: that piece is cut out upright and only recognised.
It confirms the copy, or shows that another word stands there: a variant.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.geometry import Box
from segmentation.keypoints import Floats
from segmentation.print_match import CERTAIN, read_token, similarity

LINE_HEIGHT = 48  # px, what the recogniser takes
LONGEST_LINE = 480  # px
MARGIN = 0.12  # of a word's height that is cut out around it: letters must not touch the edge
ALONG = 0.3  # of a word's length that is cut out before and behind it: another product's word may be longer
UPRIGHT = 1.5  # times as high as wide: the word runs downwards
SURE_READING = 0.8  # confidence from which another word is believed
OTHER_WORD = 0.5  # similarity below which a reading is another word

Pieces = Sequence[NDArray[np.uint8]]
Recogniser = Callable[[Pieces], Sequence[tuple[str, float]]]
Verdict = Literal["same", "other", "unclear"]


@dataclass(frozen=True)
class Reread:
    """What stands on a copy where a word of the example should be."""

    verdict: Verdict
    text: str = ""


class WordCheck:
    """Reads an example's word on its copies. A word that is not even read on the example itself judges nothing.

    Args:
        recognise: text and confidence of each (h, w, 3) RGB line.
        own: (H, W, 3) uint8 RGB photo of the example.
        token: the example's word in comparable form.
        box: where it stands on the example.
        pixels: (H, W, 3) uint8 RGB photo of the copies.
        others: tokens that are read elsewhere on the photo: only such a word shows a variant, a misreading does not.
    """

    def __init__(
        self,
        recognise: Recogniser,
        own: NDArray[np.uint8],
        token: str,
        box: Box,
        pixels: NDArray[np.uint8],
        others: Sequence[str] = (),
    ) -> None:
        self._recognise, self._pixels, self._others = recognise, pixels, tuple(others)
        self._token, self._box = token, box
        still = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
        ((text, _),) = recognise([_line(own, box, still)])
        self.usable = _fit((token,), text) >= CERTAIN

    def at(self, transforms: Sequence[Floats]) -> list[Reread]:
        """A verdict for each (2, 3) similarity that brings the example onto a copy."""
        if not self.usable or not transforms:
            return [Reread("unclear")] * len(transforms)
        readings = self._recognise([_line(self._pixels, self._box, transform) for transform in transforms])
        return [self._verdict(text, score) for text, score in readings]

    def _verdict(self, text: str, score: float) -> Reread:
        fit = _fit((self._token,), text)
        if fit >= CERTAIN:
            return Reread("same")
        if fit < OTHER_WORD and score >= SURE_READING and self._others and _fit(self._others, text) >= CERTAIN:
            return Reread("other", text)
        return Reread("unclear")


def _fit(tokens: Sequence[str], text: str) -> float:
    return max(similarity(token, read_token(text, token.isascii())) for token in tokens)


def _line(pixels: NDArray[np.uint8], box: Box, transform: Floats) -> NDArray[np.uint8]:
    """The place of a word on a copy as a line that runs from left to right, (LINE_HEIGHT, w, 3)."""
    width, height = box[2] - box[0], box[3] - box[1]
    downwards = height > UPRIGHT * width
    margin = MARGIN * min(width, height)
    along, across = margin + ALONG * max(width, height), margin
    dx, dy = (across, along) if downwards else (along, across)
    x0, y0, x1, y1 = box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy
    # The recogniser expects words that run downwards turned to the left, as the reader turns the lines it finds.
    corners = [(x1, y0), (x1, y1), (x0, y1), (x0, y0)] if downwards else [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    long, short = (y1 - y0, x1 - x0) if downwards else (x1 - x0, y1 - y0)
    length = int(np.clip(round(LINE_HEIGHT * long / max(short, 1.0)), 16, LONGEST_LINE))
    placed = np.array(corners, np.float32) @ transform[:, :2].T + transform[:, 2]
    target = np.array([(0, 0), (length, 0), (length, LINE_HEIGHT)], np.float32)
    matrix = cv2.getAffineTransform(target, placed[:3].astype(np.float32))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(pixels, matrix, (length, LINE_HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
