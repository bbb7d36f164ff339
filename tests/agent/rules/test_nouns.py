import pytest

from agent.rules.nouns import clean, head, split, stands_for
from agent.rules.spelling import mend


@pytest.mark.parametrize(
    ("phrase", "things"),
    [
        ("cans and bottles", ("cans", "bottles")),
        ("salt and vinegar chips", ("salt and vinegar chips",)),
        ("bottles and salt and vinegar chips", ("bottles", "salt and vinegar chips")),
        ("red and green cans", ("red cans", "green cans")),
        ("Coke and Pepsi", ("Coke", "Pepsi")),
        ("Lawn & Leaf bags", ("Lawn & Leaf bags",)),
        ("big, round tubs", ("big round tubs",)),
        ("bottles with red caps and labels", ("bottles with red caps and labels",)),
        ("shampoo, conditioner and soap", ("shampoo", "conditioner", "soap")),
    ],
)
def test_and_parts_things_but_not_the_words_of_one_name(phrase: str, things: tuple[str, ...]) -> None:
    assert split(phrase) == things


@pytest.mark.parametrize(
    ("phrase", "noun"),
    [
        ("all of the bottles on the shelf", "bottles"),
        ("cans of tomato soup", "tomato soup cans"),
        ("bottles are red", "red bottles"),
        ("jars that have gold lids", "jars with gold lids"),
        ("the Sunkist bottles are there", "Sunkist bottles"),
    ],
)
def test_a_phrase_is_freed_of_everything_but_its_noun(phrase: str, noun: str) -> None:
    assert clean(phrase) == noun


def test_the_head_stands_before_with() -> None:
    assert head("jars with gold lids") == "jars"


@pytest.mark.parametrize("word", ["Kokita", "Botles", "Pocky", "tubers", "brands", "write", "Shampo"])
def test_names_and_right_words_are_never_mended(word: str) -> None:
    assert mend(word) == word


@pytest.mark.parametrize(
    ("counted", "modifier", "meant"),
    [
        ("tea boxes", "green ones", "tea boxes"),
        ("red tea boxes", "green ones", "tea boxes"),
        ("Coke cans", "Pepsi ones", "cans"),
        ("tea boxes", "coffee ones", "boxes"),
        ("bottles with red caps", "blue ones", "bottles"),
        ("tea boxes", "open ones", "boxes"),
    ],
)
def test_ones_stand_for_what_the_modifier_does_not_replace(counted: str, modifier: str, meant: str) -> None:
    assert stands_for(counted, modifier) == meant
