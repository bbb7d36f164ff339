"""Comparisons read as counts."""

import pytest

from agent.rules.comparison import as_counts


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ("Which one has the higher count: Colgate boxes or Oral-B boxes", "how many Colgate boxes and Oral-B boxes"),
        ("which supplier has more bottles here, Henkel or Unilever", "how many Henkel bottles and Unilever bottles"),
        ("are there as many Twix bars as Mars bars", "how many Twix bars and Mars bars"),
        ("does Nivea outnumber Dove", "how many Nivea and Dove"),
        ("compare the jars with the cans", "how many the jars and the cans"),
        ("red cans against blue cans, who wins", "red cans and blue cans"),
        ("how many jars compared to tubs", "how many jars and tubs"),
        ("has photo 2 got fewer gaps than photo 1", "how many gaps on photo 2 and on photo 1"),
        (
            "has the number of milk cartons gone down from the first picture to the second",
            "how many milk cartons on the first picture and on the second photo",
        ),
        ("which picture shows fewer Evian bottles, the first or the second", "how many Evian bottles in all photos"),
    ],
)
def test_whoever_compares_wants_both_numbers(said: str, counts: str) -> None:
    assert as_counts(said) == counts


@pytest.mark.parametrize(
    "said", ["how many cans are leaning against the wall", "how many red cans", "which brand is this"]
)
def test_what_compares_nothing_stays(said: str) -> None:
    assert as_counts(said) == said
