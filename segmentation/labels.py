"""Label evidence: the words printed on packs and price tags, read with RapidOCR (models inside its wheel).

The photo is read twice: once small, where large print is read best, and once large, in overlapping tiles, where
small print is. What the first reading is sure of is not read again, and of very many lines only the largest are: a
full shelf has more small print than can be read within seconds. The readings of one place are kept together. What is
read is data: it is matched against the words of a target and never obeyed.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.geometry import Box, area, intersection, overlap_of_smaller, union

if TYPE_CHECKING:
    from segmentation.ocr import Ocr

TILE = 2000  # px: bounds the detector's memory
OVERLAP = 320  # px; wider than nearly every printed word at the working size
COARSE_SIDE = 1400  # px, longer side of the first reading
FINE_SIDE = 2800  # px, longer side of the second; smaller photos are enlarged, by MAX_ENLARGEMENT at most
MAX_ENLARGEMENT = 4.0
MAX_PIXELS = 6_500_000  # of the second reading
MOST_LINES = 160  # that the second reading adds, the highest first; recognising one takes some 30 ms on two cores
SURE = 0.95  # confidence from which a word is not read again
COVERED = 0.7  # share of a line that lies on sure words: it holds nothing new
MUCH_LONGER = 1.6  # a reading this much longer than another at its place holds more than that word
MIN_SCORE = 0.3  # poorly read words still match a known brand; the match itself is judged later

SMALL_PRINT = "not all small print was read: take a photo from closer where it matters"


@dataclass(frozen=True)
class ReadWord:
    """One word: its text, its box in photo pixels, how sure the reader is, which way it runs.

    `letters` are the boxes of its characters, one each, or none where the reader did not say; `also` are other
    readings of the same place.
    """

    text: str
    box: Box
    score: float
    vertical: bool = False
    also: tuple["ReadWord", ...] = ()
    letters: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Reading:
    """The words on a photo, from top to bottom, and whether small print was found and not read."""

    words: tuple[ReadWord, ...]
    left_out: bool = False


class LabelReader:
    """Reads words; the reader is loaded at the first call and may be shared between threads."""

    def __init__(self) -> None:
        self._engine: Ocr | None = None
        self._lock = threading.Lock()

    def read(self, pixels: NDArray[np.uint8]) -> Reading:
        """The words on a photo.

        Args:
            pixels: (H, W, 3) uint8 RGB.
        """
        words: list[ReadWord] = []
        left_out = False
        for scale in reading_scales(pixels.shape[1], pixels.shape[0]):
            sure = [word.box for word in words if word.score >= SURE]
            found, passed_over = self._read_at(pixels, scale, sure, MOST_LINES if words else None)
            words.extend(found)
            left_out |= passed_over
        return Reading(tuple(merge_words(words)), left_out)

    def recognise(self, lines: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Text and confidence of pieces that hold one line each.

        Args:
            lines: (h, w, 3) uint8 RGB pieces, the text running from left to right.
        """
        if not lines:
            return []
        with self._lock:
            result = self._loaded().recognize_txt([line[:, :, ::-1] for line in lines])
        return [(text, float(score)) for text, score in zip(result.txts or (), result.scores or (), strict=True)]

    def _read_at(
        self, pixels: NDArray[np.uint8], scale: float, sure: Sequence[Box], most: int | None
    ) -> tuple[list[ReadWord], bool]:
        """Words of one reading of the photo at a scale, and whether lines beyond `most` were passed over."""
        height, width = pixels.shape[:2]
        interpolation = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        resized = cv2.resize(pixels, (round(width * scale), round(height * scale)), interpolation=interpolation)
        known = [_times(box, scale) for box in sure]
        with self._lock:  # the reader keeps state between its stages
            reader = self._loaded()
            pieces = [
                (x, y, tile, reader.find(tile)) for x, y, tile in tiles(np.asarray(resized[:, :, ::-1], np.uint8))
            ]
            new = [
                (_height(quad), piece, line)
                for piece, (x, y, _, lines) in enumerate(pieces)
                for line, quad in enumerate(lines.corners)
                if not _covered(_around(quad + np.array((x, y), np.float32)), known)
            ]
            chosen = sorted(new, reverse=True)[:most]
            words: list[ReadWord] = []
            for piece, (x, y, tile, lines) in enumerate(pieces):
                of_tile = sorted(line for _, where, line in chosen if where == piece)
                if of_tile:
                    words.extend(_words_of(reader.read(tile, lines, of_tile), (x, y)))
        return [_scaled(word, 1 / scale, width, height) for word in words], len(new) > len(chosen)

    def _loaded(self) -> "Ocr":
        if self._engine is None:
            from segmentation.ocr import Ocr

            logging.getLogger("RapidOCR").setLevel(logging.ERROR)
            self._engine = Ocr(
                params={
                    "Global.text_score": MIN_SCORE,
                    "Global.max_side_len": TILE + OVERLAP,  # larger pictures it would shrink
                    "Global.log_level": "error",
                    "Global.return_word_box": True,
                    "Global.return_single_char_box": True,
                    "Rec.rec_batch_num": 8,
                }
            )
        return self._engine


def _words_of(result: Any, corner: tuple[int, int]) -> list[ReadWord]:
    """The words of RapidOCR's result for a tile whose corner is given."""
    if result.boxes is None or result.txts is None:
        return []
    words: list[ReadWord] = []
    moved = np.array(corner, np.float32)
    letters = result.word_results if len(result.word_results) == len(result.txts) else [()] * len(result.txts)
    for quad, text, score, cells in zip(result.boxes, result.txts, result.scores, letters, strict=True):
        boxes = [_around(np.asarray(cell, np.float32) + moved) for _, _, cell in cells]
        words.extend(split_line(np.asarray(quad, np.float32) + moved, text, float(score), boxes))
    return words


def _height(quad: NDArray[np.float32]) -> float:
    """The shorter side of a line with (4, 2) corners."""
    return float(min(np.hypot(*(quad[1] - quad[0])), np.hypot(*(quad[3] - quad[0]))))


def _times(box: Box, factor: float) -> Box:
    x0, y0, x1, y1 = (round(v * factor) for v in box)
    return (x0, y0, x1, y1)


def _covered(line: Box, known: Sequence[Box]) -> bool:
    """Whether a line holds nothing but words that are known."""
    return sum(intersection(line, box) for box in known) >= COVERED * area(line)


def reading_scales(width: int, height: int) -> tuple[float, ...]:
    """The factors by which a photo is resized for its readings, small first."""
    side = max(width, height)
    coarse = min(COARSE_SIDE / side, MAX_ENLARGEMENT)
    fine = min(FINE_SIDE / side, MAX_ENLARGEMENT, (MAX_PIXELS / (width * height)) ** 0.5)
    return (coarse, fine) if fine > 1.2 * coarse else (fine,)


def tiles(pixels: NDArray[np.uint8]) -> list[tuple[int, int, NDArray[np.uint8]]]:
    """(left, top, tile) pieces that overlap by OVERLAP and cover the picture."""
    height, width = pixels.shape[:2]
    return [
        (x, y, pixels[y : y + tile_height, x : x + tile_width])
        for y, tile_height in _spans(height)
        for x, tile_width in _spans(width)
    ]


def _spans(length: int) -> list[tuple[int, int]]:
    if length <= TILE + OVERLAP:
        return [(0, length)]
    pieces = -(-(length - OVERLAP) // (TILE - OVERLAP))
    size = -(-(length + (pieces - 1) * OVERLAP) // pieces)
    return [(min(i * (size - OVERLAP), length - size), size) for i in range(pieces)]


def split_line(quad: NDArray[np.float32], text: str, score: float, letters: Sequence[Box] = ()) -> list[ReadWord]:
    """The words of one line, each where its letters are, or with its share of the line's box by character position.

    Args:
        quad: (4, 2) corners from the top left, clockwise as the text runs.
        text: what the line says.
        score: how sure the reader is of the line.
        letters: boxes of the characters that are no blanks; of another number they are left aside.
    """
    line = _around(quad)
    vertical = line[3] - line[1] > 1.5 * (line[2] - line[0])
    known = len(letters) == sum(not character.isspace() for character in text)
    start, passed, words = 0, 0, []
    for part in text.split():
        begin = text.index(part, start)
        start = begin + len(part)
        own = tuple(letters[passed : passed + len(part)]) if known else ()
        passed += len(part)
        box = union(*own) if own else _share(line, begin / len(text), start / len(text), vertical)
        if box[2] > box[0] and box[3] > box[1]:
            words.append(ReadWord(part, box, score, vertical, letters=own))
    return words


def _share(line: Box, begin: float, end: float, vertical: bool) -> Box:
    left, top, right, bottom = line
    if vertical:
        return (left, round(top + begin * (bottom - top)), right, round(top + end * (bottom - top)))
    return (round(left + begin * (right - left)), top, round(left + end * (right - left)), bottom)


def _around(quad: NDArray[np.float32]) -> Box:
    """The upright box around (4, 2) corners."""
    (x0, y0), (x1, y1) = np.floor(quad.min(axis=0)), np.ceil(quad.max(axis=0))
    return (int(x0), int(y0), int(x1), int(y1))


def merge_words(words: list[ReadWord]) -> list[ReadWord]:
    """One word a place: the surest of the long readings names it, the others stay beside it.

    A line that ran two words of neighbouring packs into one gives way to those words, where they were read as well.
    """
    kept: list[ReadWord] = []
    for word in sorted(words, key=lambda w: -w.score * min(len(w.text), 6)):
        for i, other in enumerate(kept):
            if _same_place(word.box, other.box):
                if word.text not in (other.text, *(reading.text for reading in other.also)):
                    kept[i] = replace(other, also=(*other.also, word))
                break
        else:
            kept.append(word)
    resolved = [word for word in kept if not _run_together(word, kept)]
    whole = [word for word in resolved if not any(_part_of(word, other) for other in resolved)]
    return sorted(whole, key=lambda w: (w.box[1], w.box[0]))


def _same_place(a: Box, b: Box) -> bool:
    longer, shorter = sorted((max(box[2] - box[0], box[3] - box[1]) for box in (a, b)), reverse=True)
    return overlap_of_smaller(a, b) >= 0.6 and longer < MUCH_LONGER * shorter


def _part_of(word: ReadWord, other: ReadWord) -> bool:
    """Whether a word is a piece of another, cut off where two tiles meet."""
    return area(word.box) < area(other.box) and overlap_of_smaller(word.box, other.box) >= 0.6


def _run_together(word: ReadWord, others: list[ReadWord]) -> bool:
    """Whether two or more other words lie in this one and fill most of it."""
    inside = [other for other in others if other is not word and overlap_of_smaller(word.box, other.box) >= 0.8]
    inside = [other for other in inside if area(other.box) < area(word.box)]
    return len(inside) >= 2 and sum(area(other.box) for other in inside) >= 0.5 * area(word.box)


def _scaled(word: ReadWord, factor: float, width: int, height: int) -> ReadWord:
    """A word in other pixels, its boxes at least one pixel wide and on the picture."""

    def scaled(box: Box) -> Box:
        x0, y0, x1, y1 = (round(v * factor) for v in box)
        x0, y0 = min(max(x0, 0), width - 1), min(max(y0, 0), height - 1)
        return (x0, y0, min(max(x1, x0 + 1), width), min(max(y1, y0 + 1), height))

    return replace(word, box=scaled(word.box), letters=tuple(map(scaled, word.letters)))
