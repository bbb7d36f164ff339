"""Slips of the keyboard."""

import pytest

from agent.rules.spelling import mend


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("hwo mnay botles on the secnd shlef", "how many bottles on the second shelf"),
        ("cuont the boxs", "count the boxes"),
        ("plese raed the labls", "please read the labels"),
    ],
)
def test_slips_in_known_words_are_mended(typed: str, meant: str) -> None:
    assert mend(typed) == meant


@pytest.mark.parametrize(
    "thing",
    ["wafers", "candles", "wipes", "snack bags", "tomato paste", "soaps", "ready meals", "socks", "brandy", "stacks"],
)
def test_other_things_of_a_shop_are_not_taken_for_slips(thing: str) -> None:
    assert mend(f"count the {thing}") == f"count the {thing}"
