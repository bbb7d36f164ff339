import pytest

from agent.rules.places import find_rows, take_places


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("on the second shelf", (2,)),
        ("3rd row", (3,)),
        ("shelf #4", (4,)),
        ("bottom shelf", (-1,)),
        ("second from the bottom", (-2,)),
        ("next to last shelf", (-2,)),
        ("third to last row", (-3,)),
        ("top three shelves", (1, 2, 3)),
        ("bottom two rows", (-1, -2)),
        ("first, second and fourth shelves", (1, 2, 4)),
        ("top and bottom shelf", (1, -1)),
        ("shelves 2 and 3", (2, 3)),
        ("second shelf down", (2,)),
        ("fourth shelf up", (-4,)),
        ("cans on the bottom", (-1,)),
        ("shelves 1 to 3", (1, 2, 3)),
        ("penultimate shelf", (-2,)),
        ("two lowest shelves", (-1, -2)),
        ("first or second shelf", (1, 2)),
        ("and on the second one", (2,)),
    ],
)
def test_shelves_are_numbered_from_the_top_and_minus_from_the_bottom(text: str, rows: tuple[int, ...]) -> None:
    assert [found.rows for found in find_rows(text)] == [rows]


@pytest.mark.parametrize(
    "text", ["cans", "second photo", "shelves", "row", "top brand bottles", "first aid boxes", "on top of it"]
)
def test_words_that_name_no_shelf_are_no_shelf(text: str) -> None:
    assert find_rows(text) == []


@pytest.mark.parametrize(
    ("text", "rest", "relation", "reference"),
    [
        ("bottles left of the cans", "bottles", "left of", "cans"),
        ("bottles that are to the right of the Heinz soup", "bottles", "right of", "Heinz soup"),
        ("cans underneath the price tags", "cans", "below", "price tags"),
        ("jars on the right side of the photo", "jars", "right half", None),
        ("jars in the lower half", "jars", "lower half", None),
    ],
)
def test_places_leave_the_noun(text: str, rest: str, relation: str, reference: str | None) -> None:
    left, places = take_places(text)
    assert left == rest
    assert [(place.relation, place.reference) for place in places] == [(relation, reference)]
