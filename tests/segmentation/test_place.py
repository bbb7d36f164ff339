import pytest

from segmentation.place import Place, in_row, on_side
from segmentation.rows import Line, Rows

SIZE = (100, 80)
ANCHORS = ((40, 20, 60, 40), (50, 40, 70, 60))  # middles at (50, 30) and (60, 50)


@pytest.mark.parametrize(
    ("relation", "box", "expected"),
    [
        ("left half", (10, 0, 30, 10), True),
        ("left half", (60, 0, 80, 10), False),
        ("right half", (60, 0, 80, 10), True),
        ("upper half", (0, 10, 10, 20), True),
        ("lower half", (0, 10, 10, 20), False),
        ("left of", (10, 0, 30, 10), True),
        ("left of", (50, 0, 58, 10), False),  # left of one anchor only
        ("right of", (70, 0, 90, 10), True),
        ("above", (0, 0, 10, 10), True),
        ("below", (0, 60, 10, 80), True),
    ],
)
def test_sides_and_halves(relation, box, expected) -> None:
    assert on_side(box, relation, ANCHORS, SIZE) is expected


def test_nothing_lies_beside_what_is_not_there() -> None:
    assert not on_side((0, 0, 10, 10), "left of", (), SIZE)


def test_rows_count_from_the_top() -> None:
    rows = Rows(tuple(Line(y, y) for y in (0.0, 40.0, 80.0)), width=100)
    assert in_row((0, 5, 10, 38), rows, 1)
    assert in_row((0, 45, 10, 78), rows, 2)


def test_a_place_says_itself_in_words() -> None:
    assert Place("left of", "the cans").text == "left of the cans"
    assert Place("upper half").text == "in the upper half"
