"""A sheet of the counts that are furthest from the hand counts, to look at."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from agent.evaluation import Outcome
from segmentation.evaluation.tiles import Picture, framed, write_tiles
from segmentation.photo import read_photo
from tools.records import Pixels

_WORST, _COLUMNS = 24, 4
_HEIGHT, _WIDTH, _TITLE = 480, 640, 40
_COUNTED, _DRAWN = (60, 220, 60), (240, 40, 40)


def worst(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """What was counted wrong, the largest distance from the range of the hand counts first; failures are left out."""
    wrong = [outcome for outcome in outcomes if outcome.counted is not None and not outcome.within]
    return sorted(wrong, key=_distance, reverse=True)[:_WORST]


def write_counts_sheet(outcomes: Sequence[Outcome], images: Path, path: Path) -> int:
    """Draw the worst counts: green is what was counted, red what was drawn by hand.

    Returns:
        How many were drawn; when none is wrong, no file is written.

    Raises:
        DataError: The file cannot be written.
        PhotoError: A photo cannot be read any more.
    """
    chosen = worst(outcomes)
    if chosen:
        write_tiles(
            [_tile(outcome, read_photo(images / outcome.question.image).pixels) for outcome in chosen], path, _COLUMNS
        )
    return len(chosen)


def _distance(outcome: Outcome) -> int:
    counted, question = outcome.counted or 0, outcome.question
    return max(question.low - counted, counted - question.high)


def _tile(outcome: Outcome, pixels: Picture) -> Picture:
    height, width = pixels.shape[:2]
    scale = min((_HEIGHT - _TITLE) / height, _WIDTH / width)
    tile = np.zeros((_HEIGHT, _WIDTH, 3), np.uint8)
    tile[_TITLE:] = framed(pixels, _HEIGHT - _TITLE, _WIDTH)
    question = outcome.question
    for boxes, colour in ((question.boxes or (), _DRAWN), (outcome.boxes, _COUNTED)):
        for box in boxes:
            first, last = _corners(box, scale)
            cv2.rectangle(tile, first, last, colour, 2)
    span = str(question.low) if question.low == question.high else f"{question.low} to {question.high}"
    for number, text in enumerate((f"{question.prompt}: {outcome.counted} for {span}", question.image)):
        cv2.putText(tile, text, (4, 16 + 18 * number), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 0), 1, cv2.LINE_AA)
    return tile


def _corners(box: Pixels, scale: float) -> tuple[tuple[int, int], tuple[int, int]]:
    x0, y0, x1, y1 = (round(value * scale) for value in box)
    return (x0, y0 + _TITLE), (x1, y1 + _TITLE)
