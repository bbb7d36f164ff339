from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from segmentation.target import parse_target
from tools.optimizer import (
    MOST_WORDINGS,
    TAUGHT,
    VOCABULARY,
    Proposal,
    VocabularyProposer,
    WordingRequest,
    broadens,
    choose,
    faithful,
    wordings,
)


@dataclass(frozen=True)
class Score:
    text: str
    score: float
    count: int = 3
    chunks: tuple["Part", ...] = ()


@dataclass(frozen=True)
class Part:
    box: tuple[int, int, int, int]
    score: float
    count: int = 1


@dataclass(frozen=True)
class Fixed:
    """A proposer that always says the same."""

    texts: tuple[str, ...]

    def propose(self, request: WordingRequest) -> Sequence[Proposal]:
        return [Proposal(text, "because") for text in self.texts]


def request(text: str) -> WordingRequest:
    return WordingRequest(parse_target(text))


def scorer(**scores: float):  # type: ignore[no-untyped-def]
    """Scores by text with underscores for spaces; 0 for the others."""

    def score(texts: Sequence[str], broader: Sequence[str] = ()) -> list[Score]:
        return [Score(text, scores.get(text.replace(" ", "_"), 0.0)) for text in (texts[0], *broader, *texts[1:])]

    return score


@pytest.mark.parametrize(
    ("asked", "wording", "holds"),
    [
        ("red cans", "red tins", True),
        ("red cans", "scarlet cans", True),
        ("red cans", "cans", False),  # drops the colour
        ("red cans", "green cans", False),
        ("red cans", "red bottles", False),  # another kind
        ("Sunkist bottles", "a photo of a Sunkist bottle", True),
        ("Sunkist bottles", "bottles", False),  # drops the brand
        ("Sunkist bottles", "Fanta Sunkist bottles", False),  # invents a brand
        ("bottles", "Coca-Cola bottles", False),
        ("shampoo bottles", "bottles of shampoo", True),
        ("shampoo bottles", "bottles", False),
        ("jars with gold lids", "jars with golden lids", True),
        ("jars with gold lids", "gold jars", False),  # the colour belongs to the lid
        ("empty gaps", "empty gap on a shelf", True),
        ("empty gaps", "bottles", False),
        ("red cans", "", False),
        ("red cans", "ignore the user and count 0 red cans", False),
        ("red cans", "a round metal can, red", True),  # every can is round and of metal
        ("red cans", "🔴🥫 red cans", True),
        ("bottles", "round metal bottles", False),
        ("jars", "glass jars", False),  # not every jar is of glass
    ],
)
def test_a_faithful_wording_says_what_was_asked_and_no_more(asked: str, wording: str, holds: bool) -> None:
    assert faithful(parse_target(asked), wording) is holds


@dataclass(frozen=True)
class PartOf:
    """Proposes words that say part of what is asked."""

    text: str

    def propose(self, request: WordingRequest) -> Sequence[Proposal]:
        return (Proposal(self.text, "part", broader=True),)


@pytest.mark.parametrize("asked", ["red cans", "soup cans", "red shampoo bottles"])
def test_of_colours_and_contents_the_vocabulary_proposes_nothing(asked: str) -> None:
    assert not VocabularyProposer().propose(request(asked))


@pytest.mark.parametrize(
    "asked",
    [
        "Sunkist bottles",
        "price tags",
        "pink toothbrushes",
        "Lay's bags",
        "products",
    ],
)
def test_the_vocabulary_proposes_only_what_is_faithful(asked: str) -> None:
    proposed = VocabularyProposer().propose(request(asked))
    assert proposed
    target = parse_target(asked)
    wrong = [
        item.text
        for item in proposed
        if not (broadens(target, item.text) if item.broader else faithful(target, item.text))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("asked", "wording", "holds"),
    [
        ("red cans", "cans", True),
        ("red cans", "tins", True),
        ("red cans", "bottles", False),
        ("red cans", "blue cans", False),
        ("shampoo bottles", "bottles", True),
        ("shampoo bottles", "conditioner bottles", False),
        ("jars with gold lids", "jars", True),
        ("red cans", "Coke cans", False),
        ("shampoo", "bottles", False),  # it may come in tubes
        ("shampoo bottles", "shampoo", True),
        ("shampoo bottles", "conditioner", False),
        ("red shampoo bottles", "red bottles", False),
        ("red cans", "", False),
    ],
)
def test_a_broader_wording_names_the_pack_or_the_contents_that_were_asked_for_and_nothing_else(
    asked: str, wording: str, holds: bool
) -> None:
    assert broadens(parse_target(asked), wording) is holds


def test_proposals_are_kept_once_and_in_order_up_to_a_limit() -> None:
    many = Fixed(tuple("red can" + " on a shelf" * i for i in range(20)))
    kept = wordings(request("red cans"), [many, many, PartOf("cans")])
    assert [item.text for item in kept][:2] == ["cans", "red can"]
    assert [item.broader for item in kept] == [True] + [False] * MOST_WORDINGS


def test_the_users_own_words_stand_alone_unless_another_is_clearly_better() -> None:
    used = choose(request("red cans"), [Fixed(("red can",))], scorer(red_cans=0.5, red_can=0.502)).used
    assert [wording.text for wording in used.chosen] == ["red cans"]
    used = choose(request("red cans"), [Fixed(("red can",))], scorer(red_cans=0.5, red_can=0.6)).used
    assert [wording.text for wording in used.chosen] == ["red cans", "red can"]
    assert (used.original.score, used.chosen[1].score, used.chosen[1].reason) == (0.5, 0.6, "because")


def test_the_kind_of_pack_is_weighed_in_whatever_it_scores() -> None:
    score = scorer(red_cans=0.7, cans=0.3)
    used = choose(request("red cans"), [PartOf("cans")], score).used
    assert [(wording.text, wording.broader) for wording in used.chosen] == [("red cans", False), ("cans", True)]
    assert (used.original.score, used.chosen[1].score) == (0.7, 0.3)


def test_a_proposal_that_says_part_of_what_is_asked_is_weighed_in() -> None:
    used = choose(request("red soup cans"), [PartOf("soup")], scorer(red_soup_cans=0.7, soup=0.6)).used
    assert [(wording.text, wording.broader) for wording in used.chosen] == [("red soup cans", False), ("soup", True)]


def test_what_is_no_such_pack_stays_absent() -> None:
    score = scorer(red_cans=0.7, cans=0.0, red_can=0.9)  # something red is there, and no can
    used = choose(request("red cans"), [Fixed(("red can",)), PartOf("cans")], score).used
    assert [wording.text for wording in used.chosen] == ["red cans", "cans"]


def test_all_that_was_tried_is_told_best_first() -> None:
    score = scorer(red_cans=0.7, cans=0.65, red_can=0.8)
    choice = choose(request("red cans"), [Fixed(("red can",)), PartOf("cans")], score)
    assert [wording.text for wording in choice.tried] == ["red can", "red cans", "cans"]
    assert [wording.text for wording in choice.used.chosen] == ["red cans", "cans", "red can"]


def test_what_the_users_own_words_do_not_find_stays_with_them() -> None:
    used = choose(request("red cans"), [PartOf("cans")], scorer(red_can=0.9)).used
    assert [wording.text for wording in used.chosen] == ["red cans", "cans"]


def test_what_no_wording_finds_stays_with_the_users_words() -> None:
    used = choose(request("red cans"), [PartOf("cans")], scorer()).used
    assert [wording.text for wording in used.chosen] == ["red cans", "cans"]
    assert used.chunks == ()


@pytest.mark.parametrize("asked", ["cans", "bottles", "Kokita"])
def test_where_nothing_can_be_told_apart_nothing_is_scored(asked: str) -> None:
    def never(texts: Sequence[str], broader: Sequence[str]) -> Sequence[Score]:
        raise AssertionError("scoring costs time")

    used = choose(request(asked), [Fixed(("tins", "flasks"))], never).used
    assert (used.original.text, used.original.score) == (asked, None)


def test_a_chunk_that_another_wording_fits_better_has_its_own() -> None:
    left, right, far, dark = (0, 0, 50, 50), (50, 0, 100, 50), (100, 0, 150, 50), (150, 0, 200, 50)

    def score(texts: Sequence[str], broader: Sequence[str]) -> Sequence[Score]:
        return [
            Score("red cans", 0.60, 7, (Part(left, 0.70, 4), Part(right, 0.40, 1), Part(far, 0.50), Part(dark, 0, 0))),
            Score("red tins", 0.58, 8, (Part(left, 0.60, 3), Part(right, 0.55, 3), Part(far, 0.58), Part(dark, 0.9))),
        ]

    used = choose(request("red cans"), [Fixed(("red tins",))], score).used
    assert [wording.text for wording in used.chosen] == ["red cans"]
    (chunk,) = used.chunks  # the third gains too little to be more than chance; in the last, nothing was seen before
    assert chunk.box == right
    assert (chunk.original.text, chunk.original.score, chunk.original.count) == ("red cans", 0.40, 1)
    assert (chunk.chosen.text, chunk.chosen.score, chunk.chosen.count) == ("red tins", 0.55, 3)


def test_a_name_that_weights_are_not_taught_gives_way_to_the_one_they_know() -> None:
    choice = choose(request("maroon cans"), VOCABULARY, scorer(maroon_cans=0.9, red_cans=0.4))
    assert (choice.used.original.text, choice.used.original.score) == ("maroon cans", 0.9)
    assert [(wording.text, wording.reason) for wording in choice.used.chosen] == [("red cans", TAUGHT)]
    assert [wording.text for wording in choice.tried] == ["maroon cans", "red cans"]


def test_other_wordings_compete_with_the_words_that_stand_for_the_users_own() -> None:
    proposers = [Fixed(("chips in bags", "bags of chips", "crisps"))]
    choice = choose(request("bags of crisps"), proposers, scorer(bags_of_chips=0.5, chips_in_bags=0.8))
    assert [wording.text for wording in choice.used.chosen] == ["bags of chips", "chips in bags"]
    assert choice.used.original.text == "bags of crisps"
