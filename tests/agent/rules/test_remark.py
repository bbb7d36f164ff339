"""Questions behind what people say first."""

import pytest

from agent.rules.remark import Asked, asked_within


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("a customer is asking how many Duracell packs we have", "how many Duracell packs we have"),
        ("for my report I need to know how many cans there are", "how many cans there are"),
        ("new delivery check: Barilla boxes", "Barilla boxes"),
    ],
)
def test_who_asks_and_what_for_is_set_apart(said: str, question: str) -> None:
    assert asked_within(said) == Asked(question, apart=True)


def test_a_remark_that_may_name_the_thing_is_not_apart() -> None:
    assert asked_within("check the milk for me, how many cartons") == Asked("how many cartons", apart=False)


@pytest.mark.parametrize(
    "said",
    [
        "how many cans",
        "hows the Pantene looking, how many bottles",
        "the red ones, how many cans",
        "on the top shelf, how many cans",
        "photo 3 only: how many boxes",
    ],
)
def test_a_remark_that_says_which_belongs_to_the_question(said: str) -> None:
    assert asked_within(said) is None
