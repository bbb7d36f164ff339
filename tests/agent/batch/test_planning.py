"""Sentences become calls for any photo, by the rules or by a language model that is asked once."""

import json
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from agent.batch.call import Call
from agent.batch.instructions import parse_instructions
from agent.batch.plan import make_plan
from agent.batch.planning import LazyPlanner
from agent.errors import AgentError
from agent.settings import Settings
from tests.agent.batch.fakes import photos
from tests.agent.fakes import fake_registry
from tests.agent.openai_server import Script, calls, text


def planner(notices: list[str] | None = None, **settings: Any) -> LazyPlanner:
    told = [] if notices is None else notices
    return LazyPlanner(fake_registry(), Settings(**settings), told.append)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("How many red cans?", [Call.of("count", {"target": "red cans"})]),
        (
            "count the bottles and the jars on the second shelf",
            [Call.of("count", {"target": "bottles", "row": 2}), Call.of("count", {"target": "jars", "row": 2})],
        ),
        ("describe the shelf", [Call.of("describe", {})]),
    ],
)
def test_the_rules_plan_without_naming_a_photo(sentence: str, expected: list[Call]) -> None:
    assert list(planner(planner="rules").plan(sentence)) == expected


def test_what_the_rules_cannot_plan_is_asked_back() -> None:
    with pytest.raises(AgentError, match=r"Which photo|What should I count|Try"):
        planner(planner="rules").plan("hello there")


def test_a_language_model_plans_each_sentence_once_for_all_photos(httpserver: HTTPServer, tmp_path: Path) -> None:
    wanted = calls(("count", json.dumps({"image": "photo", "target": "cola", "like": [{"image": "photo"}]})))
    script = Script(httpserver, wanted, text("None."))
    model = planner(planner="openai", base_url=script.url, api_key="k", model="m", call_seconds=5.0)
    photos(tmp_path / "shelf", 5)
    job = "photos: shelf\nrequests: [any cola?, any cola?]\n"

    plan = make_plan(parse_instructions(job.encode(), tmp_path / "job.yaml"), model, fake_registry())

    assert plan.tasks == 5
    assert plan.groups[0].asks[0].call == Call.of("count", {"target": "cola", "like": [{}]})
    assert len(script.bodies) == 2  # one turn: the call, and the answer that is thrown away


def test_a_model_that_fails_under_auto_is_replaced_by_the_rules_and_that_is_told(httpserver: HTTPServer) -> None:
    script = Script(httpserver, text(""), repeat=True)
    httpserver.clear()
    notices: list[str] = []
    model = planner(notices, planner="auto", base_url=script.url, api_key="k", model="m", call_seconds=5.0)

    assert model.plan("count the cans") == (Call.of("count", {"target": "cans"}),)
    assert len(notices) == 1
    assert "the built-in rules planned this instead" in notices[0]
