"""What is decided about finds alone."""

import pytest

from segmentation.finds import Find, cut, merge, one_find_a_hit
from segmentation.print_match import LabelHit


@pytest.mark.parametrize(
    ("strengths", "counted"),
    [
        ([5.0, 4.0, 1.2, -3.0], 3),  # the gap below 1.2 is the widest
        ([5.0, -0.8, -0.9], 1),  # only noise near the bottom
        ([], 0),
        ([9.0, 8.0], 2),
        ([5.3, 5.1, 5.1, 1.3, 1.0], 3),  # several sure copies: what is far below them is another product
    ],
)
def test_the_cut_lies_in_the_widest_gap(strengths, counted) -> None:
    level = cut(strengths)
    assert sum(value >= level for value in strengths) == counted


def find(left: int, strength: float, hit: LabelHit | None = None) -> Find:
    return Find((left, 0, left + 100, 200), strength, 10, None, hit=hit)


def test_a_pack_that_is_known_keeps_its_box_and_takes_the_stronger_judgement() -> None:
    found = [find(0, 1.0)]
    assert merge(found, [find(30, 4.0), find(300, 2.0)]) == [find(300, 2.0)]
    assert [(each.box[0], each.strength) for each in found] == [(0, 4.0), (300, 2.0)]


def test_a_word_confirms_the_strongest_of_the_finds_that_hold_it() -> None:
    word = LabelHit((80, 10, 95, 20), 1.0)
    confirmed = one_find_a_hit([find(60, 1.0, word), find(0, 5.0, word)])
    assert [(each.box[0], each.hit is not None) for each in confirmed] == [(0, True), (60, False)]
