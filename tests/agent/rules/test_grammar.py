import time

import pytest

from agent.planner import Planner
from agent.request import Request
from agent.rules.grammar import LONGEST, AskBack, parse
from agent.rules.model import RuleChatModel
from agent.table import Case, agree, cases, photos, planned
from agent.turn import Limits
from tests.agent.fakes import fake_registry


@pytest.mark.parametrize("case", cases(), ids=lambda case: " >> ".join((*case.after, case.say))[:60])
def test_each_sentence_of_the_table_leads_to_its_calls(case: Case) -> None:
    given = photos(case.photos)
    turns = [Request(text=text, photos=given) for text in (*case.after, case.say)]
    planner = conversation()
    for number, turn in enumerate(turns):
        result = planner.ask(turn, thread="one")
        assert number == len(turns) - 1 or result.calls
    got = planned(result.calls, given)
    assert agree(got, case.calls), got
    assert result.calls or result.answer.endswith(("?", ".", "!"))


def conversation() -> Planner:
    from langgraph.checkpoint.memory import InMemorySaver

    return Planner(fake_registry(), RuleChatModel(), name="rules", limits=Limits(), checkpointer=InMemorySaver())


def test_the_table_holds_150_sentences_and_more() -> None:
    assert len(cases()) >= 150


def test_a_sentence_is_understood_in_less_than_50_ms() -> None:
    parse(Request(text="count the cans", photos=photos(1)))  # loads the lexicon
    begin = time.perf_counter()
    for case in cases():
        parse(Request(text=case.say, photos=photos(case.photos)))
    assert (time.perf_counter() - begin) / len(cases()) < 0.05


@pytest.mark.parametrize("text", ["", " ", "?!", "\n\n", "and and and", ", , ,", "not", "the", "on the", "\x00", "🥫"])
def test_words_without_a_thing_are_asked_back(text: str) -> None:
    assert isinstance(parse(Request(text=text, photos=photos(1))), AskBack)


@pytest.mark.parametrize(
    "word", ["count ", "and the ", "not the ", "on the top shelf ", "(" * 20, "a" * 30, "left of "]
)
def test_long_and_odd_texts_are_refused_or_parsed_at_once(word: str) -> None:
    begin = time.perf_counter()
    parse(Request(text=(word * 200)[:LONGEST], photos=photos(3)))
    assert time.perf_counter() - begin < 1
    assert isinstance(parse(Request(text=word * 500, photos=photos(1))), AskBack)
