import pytest

from agent.request import Request
from agent.rules.chatter import only_chatter, without_chatter
from agent.rules.grammar import AskBack, parse
from agent.table import photos


@pytest.mark.parametrize(
    ("clause", "left"),
    [
        ("got any Marlboro", "how many Marlboro"),
        ("what's our stock of Ariel pods", "how many Ariel pods"),
        ("is it the same number of cans on the top shelf", "how many cans on the top shelf"),
        ("Kellogg's vs Nestle, who has the most boxes", "how many Kellogg's vs Nestle boxes"),
        ("we should have 10 Listerine bottles", "how many Listerine bottles"),
        ("are there any 500 ml bottles", "how many 500 ml bottles"),
    ],
)
def test_what_is_left_without_chatter_is_the_thing_and_its_place(clause: str, left: str) -> None:
    assert without_chatter(clause) == left


@pytest.mark.parametrize(
    "clause",
    [
        "how expensive are the cans",  # other business
        "what share of the shelf is Nivea",
        "which company makes the Oreo",
        "do you have jars that you opened",  # a loose end that may matter
        "there was lovely weather",  # nothing says that a count is meant
    ],
)
def test_a_sentence_of_other_business_or_with_a_loose_end_is_not_read_at_all(clause: str) -> None:
    assert without_chatter(clause) is None


def test_what_no_photo_tells_is_said_to_be_no_count() -> None:
    answer = parse(Request(text="what share of the shelf is Lay's?", photos=photos(1)))
    assert isinstance(answer, AskBack)
    assert "prices, shares" in answer.question


def test_a_clause_of_mere_chatter_is_passed_over_and_one_with_a_thing_is_not() -> None:
    assert only_chatter("good morning")
    assert not only_chatter("the green jars")
    assert not only_chatter("on the top shelf")
    assert not isinstance(parse(Request(text="Morning! Count the cans.", photos=photos(1))), AskBack)
    assert isinstance(parse(Request(text="Count the cans. Order more milk.", photos=photos(1))), AskBack)


def test_a_thing_with_words_of_chatter_left_in_it_is_asked_back_and_not_counted() -> None:
    assert isinstance(parse(Request(text="count the jars you opened", photos=photos(1))), AskBack)
