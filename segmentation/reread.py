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

from segmentation.geometry import Box, area
from segmentation.keypoints import Floats
from segmentation.print_match import CERTAIN, read_token, similarity

LINE_HEIGHT = 48  # px, what the recogniser takes
LONGEST_LINE = 480  # px
MARGIN = 0.12  # of a word's height that is cut out around it: letters must not touch the edge
ALONG = 0.3  # of a word's length that is cut out before and behind it: another product's word may be longer
UPRIGHT = 1.5  # times as high as wide: the word runs downwards
SURE_READING = 0.8  # confidence from which another word is believed
OTHER_WORD = 0.5  # similarity below which a reading is another word
MOST_WORDS = 2  # words of an example that are read again

Pieces = Sequence[NDArray[np.uint8]]
Recogniser = Callable[[Pieces], Sequence[tuple[str, float]]]
Verdict = Literal["same", "other", "unclear"]


@dataclass(frozen=True)
class Reread:
    """What stands on a copy where a word of the example should be."""

    verdict: Verdict
    text: str = ""


class WordCheck:
    """Reads an example's words on its copies. Words that are not even read on the example itself are left out.

    Args:
        recognise: text and confidence of each (h, w, 3) RGB line.
        own: (H, W, 3) uint8 RGB photo of the example.
        printed: the example's words as comparable tokens, with their boxes.
        pixels: (H, W, 3) uint8 RGB photo of the copies.
        others: tokens that are read elsewhere on the photo: only such a word shows a variant, a misreading does not.
    """

    def __init__(
        self,
        recognise: Recogniser,
        own: NDArray[np.uint8],
        printed: Sequence[tuple[str, Box]],
        pixels: NDArray[np.uint8],
        others: Sequence[str] = (),
    ) -> None:
        self._recognise, self._pixels, self._others = recognise, pixels, tuple(others)
        largest = sorted(printed, key=lambda word: -area(word[1]))[:MOST_WORDS]
        still = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
        readings = recognise([_line(own, box, still) for _, box in largest]) if largest else []
        self._words = [
            word for word, (text, _) in zip(largest, readings, strict=True) if _fit((word[0],), text) >= CERTAIN
        ]

    @property
    def usable(self) -> bool:
        """Whether any word of the example can be read in this way."""
        return bool(self._words)

    def at(self, transforms: Sequence[Floats]) -> list[Reread]:
        """A verdict for each (2, 3) similarity that brings the example onto a copy."""
        if not self._words or not transforms:
            return [Reread("unclear")] * len(transforms)
        lines = [_line(self._pixels, box, transform) for transform in transforms for _, box in self._words]
        readings = iter(self._recognise(lines))
        return [self._verdict([(token, *next(readings)) for token, _ in self._words]) for _ in transforms]

    def _verdict(self, readings: Sequence[tuple[str, str, float]]) -> Reread:
        """All words must agree to call it the same; one other word is enough to call it another."""
        same = 0
        for token, text, score in readings:
            fit = _fit((token,), text)
            if fit < OTHER_WORD and score >= SURE_READING and self._others and _fit(self._others, text) >= CERTAIN:
                return Reread("other", text)
            same += fit >= CERTAIN
        return Reread("same" if same == len(readings) else "unclear")


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
