from typing import Any

import pytest

from agent.answer import NOTHING, render
from agent.turn import Call
from tests.agent.fakes import count_record, describe_record, image, labels_record, prompt_record
from tools.records import Record, Wording


def said(record: Record, **arguments: Any) -> str:
    return render([Call(tool=record.kind, arguments=arguments, record=0)], [record])


@pytest.mark.parametrize(
    ("record", "arguments", "text"),
    [
        (count_record("cans", 6), {}, "6 cans."),
        (count_record("cans", 1), {}, "1 can."),
        (count_record("jars with gold lids", 1), {}, "1 jar with gold lids."),
        (count_record("cans", 6, low=5, high=8), {}, "6 cans (between 5 and 8)."),
        (count_record("Nutella jars", 0), {}, "No Nutella jars found; the best score seen was 0.12."),
        (count_record("cans", 0, high=2), {}, "0 cans (between 0 and 2)."),
        (count_record("cans", 6), {"row": 2}, "6 cans on shelf 2."),
        (count_record("cans", 6), {"row": -1}, "6 cans on the bottom shelf."),
        (count_record("cans", 6), {"row": -3}, "6 cans on shelf 3 from the bottom."),
        (count_record("cans", 6), {"exclude": ["Coke", "Pepsi"]}, "6 cans, not counting Coke and Pepsi."),
        (
            count_record("cans", 6),
            {
                "where": [
                    {"relation": "left of", "reference": "jars"},
                    {"relation": "left half", "reference": None},
                ]
            },
            "6 cans left of the jars in the left half.",
        ),
        (count_record("cans", 6, saturated=True), {}, "6 cans. A limit was reached, so there may be more."),
        (count_record("cans", 6, warnings=("blurry", "dark.")), {}, "6 cans. Note: blurry. Note: dark."),
        (count_record("c\x1b[31mans\u202e", 6), {}, "6 cans."),
        (labels_record("HEINZ", "SOUP\x07"), {}, "Read: “HEINZ”, “SOUP”."),
        (labels_record(), {}, "No words could be read."),
        (describe_record("2 rows of packs"), {}, "2 rows of packs"),
        (
            prompt_record("red cans", Wording(text="red can", score=0.61, count=4, reason="singular")),
            {},
            "Worded as “red cans” and “red can”. "
            "Scores on the photo: “red can” 0.610 (singular); “red cans” 0.500 (the user's words).",
        ),
        (prompt_record(tried=(Wording(text="red cans"),)), {}, "Worded as “red cans”."),
        (
            prompt_record("red cans", Wording(text="cans", score=0.49, reason="the pack", broader=True)),
            {},
            "Worded as “red cans”, weighed with “cans”. "
            "Scores on the photo: “cans” 0.490 (the pack); “red cans” 0.500 (the user's words).",
        ),
    ],
)
def test_a_record_is_said_in_a_sentence(record: Record, arguments: dict[str, Any], text: str) -> None:
    assert said(record, **arguments) == text


def test_a_failed_call_is_said_beside_the_others() -> None:
    calls = [
        Call(tool="count", arguments={"target": "cans"}, record=0),
        Call(tool="count", arguments={"target": "jars"}, error="row 9: there are 4 shelves"),
    ]
    assert render(calls, [count_record("cans", 6)]) == "6 cans.\nCould not count jars: row 9: there are 4 shelves"


def test_totals_are_of_one_thing_in_one_place() -> None:
    calls = [
        Call(tool="count", arguments={"target": "cans", "row": 1}, record=0),
        Call(tool="count", arguments={"target": "cans", "row": 2}, record=1),
    ]
    records = [count_record("cans", 3, image=image("p1")), count_record("cans", 4, image=image("p2"))]
    assert "Together" not in render(calls, records)


def test_nothing_called_says_what_can_be_asked() -> None:
    assert render([], []) == NOTHING
