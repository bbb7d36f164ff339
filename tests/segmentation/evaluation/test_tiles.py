"""Sheets of pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from segmentation.errors import DataError
from segmentation.evaluation.tiles import check_place, framed, write_text, write_tiles


def test_a_picture_keeps_its_shape_in_a_frame() -> None:
    tile = framed(np.full((20, 10, 3), 255, np.uint8), 40, 60)
    assert tile.shape == (40, 60, 3)
    assert tile[:, :20].min() == 255
    assert tile[:, 20:].max() == 0


def test_tiles_stand_in_rows_and_the_last_row_is_filled_up(tmp_path: Path) -> None:
    write_tiles([np.full((4, 6, 3), (255, 0, 0), np.uint8)] * 3, tmp_path / "s.png", 2)
    sheet = cv2.imread(str(tmp_path / "s.png"))
    assert sheet is not None
    assert sheet.shape == (8, 12, 3)
    assert sheet[0, 0].tolist() == [0, 0, 255]  # OpenCV reads blue first
    assert sheet[4:, 6:].max() == 0


def test_what_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to draw"):
        write_tiles([], tmp_path / "s.png", 2)
    with pytest.raises(DataError, match="there is no folder"):
        check_place(tmp_path / "no" / "s.png")
    with pytest.raises(DataError, match="is a folder"):
        check_place(tmp_path)
    with pytest.raises(DataError, match="cannot be written"):
        write_text(tmp_path, "x")
    with pytest.raises(DataError, match="cannot be written"):
        write_tiles([np.zeros((2, 2, 3), np.uint8)], tmp_path, 1)
    check_place(None)
    check_place(tmp_path / "s.png")
