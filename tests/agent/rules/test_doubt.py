"""What no thing on a shelf is called."""

import pytest

from agent.rules.doubt import odd_reference, odd_thing


@pytest.mark.parametrize(
    "phrase",
    [
        "3",
        "second",
        "everywhere",
        "second cans",
        "cans in the first",
        "bottles in photo 2",
        "IMG_2.jpg",
        "also the bottles",
        "bottles (not Coke",
        "aber nicht cans",
        "refilled the water bottles",
    ],
)
def test_what_tells_joins_or_leaves_out_is_part_of_no_thing(phrase: str) -> None:
    assert odd_thing(phrase)


@pytest.mark.parametrize(
    "phrase",
    ["cans", "7 Up", "Lay's bags", "jars with the gold lids", "first aid boxes", "2 litre bottles", "salt and pepper"],
)
def test_names_of_things_are_not_odd(phrase: str) -> None:
    assert not odd_thing(phrase)


@pytest.mark.parametrize(
    ("phrase", "odd"),
    [
        ("2 euros", True),
        ("£3", True),
        ("eye level", True),
        ("Pepsi and bottles below the Fanta", True),
        ("cans", False),
    ],
)
def test_a_place_is_told_by_a_thing_and_not_by_a_measure(phrase: str, odd: bool) -> None:
    assert odd_reference(phrase) is odd
