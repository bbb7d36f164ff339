from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.evaluation import Outcome, Question
from agent.evaluation_sheet import worst, write_counts_sheet
from segmentation.errors import DataError


def outcome(counted: int | None, low: int, high: int, **boxes) -> Outcome:
    question = Question(
        image="a.png", prompt="cans", kind="brand", count=low, low=low, high=high, boxes=boxes.get("drawn")
    )
    return Outcome(question=question, counted=counted, boxes=boxes.get("boxes", ()))


def test_the_worst_counts_come_first_and_right_ones_not_at_all() -> None:
    outcomes = [outcome(5, 5, 6), outcome(9, 5, 6), outcome(None, 3, 3), outcome(0, 5, 6)]
    assert [one.counted for one in worst(outcomes)] == [0, 9]  # five below, three above


def test_the_sheet_shows_counted_boxes_in_green_and_drawn_ones_in_red(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((440, 640, 3), 128, np.uint8))
    wrong = outcome(1, 2, 2, boxes=((100, 100, 200, 200),), drawn=((300, 100, 400, 200),))
    assert write_counts_sheet([wrong, outcome(2, 2, 2)], tmp_path, tmp_path / "s.png") == 1
    sheet = cv2.imread(str(tmp_path / "s.png"))
    assert sheet is not None
    assert sheet.shape == (480, 640, 3)
    # 40 px of title above a photo that fits as it is.
    assert sheet[140, 150].tolist() == [60, 220, 60]
    assert sheet[140, 350].tolist() == [40, 40, 240]


def test_no_sheet_is_written_where_no_count_is_wrong(tmp_path: Path) -> None:
    assert write_counts_sheet([outcome(2, 2, 2)], tmp_path, tmp_path / "s.png") == 0
    assert not (tmp_path / "s.png").exists()


def test_a_sheet_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(DataError, match="cannot be written"):
        write_counts_sheet([outcome(1, 2, 2)], tmp_path, tmp_path)
