import cv2
import numpy as np
import pytest

from segmentation.rows import Line, Rows, find_rows


def rack(rows: int, slant: float = 0.0, stacked: bool = False) -> np.ndarray:
    """900 x 1200 px of shelves full of packs; `slant` is the slope at the bottom, its negative at the top."""
    height, width = 900, 1200
    picture = np.full((height, width, 3), 60, np.uint8)
    chance = np.random.default_rng(3)
    pitch = height // rows
    for row in range(rows):
        floor = (row + 1) * pitch - 25
        for left in range(8, width - 60, 62):
            tops = [floor - int(0.75 * pitch)]
            if stacked:
                tops.append(floor - int(0.37 * pitch) + int(chance.integers(-25, 25)))
            colour = tuple(int(value) for value in chance.integers(40, 255, 3))
            for index, top in enumerate(tops):
                bottom = tops[index + 1] - 2 if index + 1 < len(tops) else floor
                jitter = int(chance.integers(0, pitch // 8)) if index == 0 else 0
                cv2.rectangle(picture, (left, top + jitter), (left + 54, bottom), colour, -1)
                for stripe in range(left + 6, left + 50, 9):
                    cv2.line(picture, (stripe, top + jitter + 12), (stripe, bottom - 8), (245, 245, 245), 2)
        cv2.rectangle(picture, (0, floor), (width, floor + 22), (215, 210, 200), -1)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    bend = slant * (y / height - 0.5) * 2 * (x - width / 2)
    return cv2.remap(picture, x, (y - bend).astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("rows", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("slant", [0.0, 0.06, -0.1])
def test_each_board_ends_a_row_also_when_seen_from_the_side(rows: int, slant: float) -> None:
    assert len(find_rows(rack(rows, slant))) == rows


def test_packs_stacked_on_each_other_are_one_row() -> None:
    assert len(find_rows(rack(3, stacked=True))) == 3


def test_boards_are_found_where_they_are() -> None:
    rows = find_rows(rack(3, slant=0.06))
    # Boards lie at 275 and 575 in the middle; the slant turns with the distance from mid-height.
    for line, y in zip(rows.lines[1:3], (275, 575), strict=True):
        assert line.at(600, 1200) == pytest.approx(y, abs=25)
        expected = 0.06 * (y / 900 - 0.5) * 2 * 1200
        assert line.right - line.left == pytest.approx(expected, abs=12)


@pytest.mark.parametrize("size", [(900, 1200), (1, 1), (5, 400), (400, 5)])
def test_a_photo_without_boards_is_one_row(size: tuple[int, int]) -> None:
    rows = find_rows(np.full((*size, 3), 128, np.uint8))
    assert len(rows) == 1
    assert rows.of((0, 0, 1, 1)) == 1


@pytest.mark.parametrize(
    ("box", "row"),
    [
        ((0, 10, 20, 90), 1),
        ((0, 110, 20, 290), 2),
        ((180, 130, 200, 190), 1),  # the line falls from 100 at the left to 200 at the right
        ((0, 90, 20, 300), 2),  # most of it is below the line
        ((90, 320, 110, 390), 3),
    ],
)
def test_a_box_stands_on_the_row_that_holds_most_of_it(box: tuple[int, int, int, int], row: int) -> None:
    rows = Rows((Line(0, 0), Line(100, 200), Line(300, 300), Line(400, 400)), 200)
    assert len(rows) == 3
    assert rows.of(box) == row
