import json
from pathlib import Path

import pytest

from agent.errors import PlannerError
from agent.planner import Planners
from agent.replay import replay
from agent.request import Request
from agent.settings import Settings
from agent.trace import Trace, read_trace, record_hash
from segmentation.errors import DataError
from tests.agent.fakes import PHOTOS, FakeWorkbench, count_record, fake_registry
from tools.registry import Progress


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    """Two turns over one photo: a count, and a word about nothing."""
    (tmp_path / "soda.jpg").touch()
    trace = Trace(tmp_path / "home" / "t.jsonl")
    planners = Planners(fake_registry(), Settings(api_key="sk-secret"), "rules")  # type: ignore[arg-type]
    for text in ("count the cans and the jars", "hello"):
        trace.ask(planners, Request(text=text, photos=PHOTOS[:1]), {"p1": tmp_path / "soda.jpg"}, Progress())
    return trace


def lines(trace: Trace) -> list[str]:
    assert trace.path is not None
    return trace.path.read_text().splitlines()


def test_each_turn_leaves_a_line_per_event(trace: Trace) -> None:
    kinds = [json.loads(line)["event"] for line in lines(trace)]
    assert kinds == ["request", "call", "call", "answer", "request", "answer"]
    call = json.loads(lines(trace)[1])
    assert (call["tool"], call["arguments"], call["count"]) == ("count", {"image": "p1", "target": "cans"}, 6)


def test_no_key_and_no_pixels_are_written(trace: Trace) -> None:
    assert "sk-secret" not in "".join(lines(trace))
    assert "mask" not in "".join(lines(trace))
    assert trace.path is not None
    assert trace.path.stat().st_mode & 0o077 == 0


def test_a_failed_turn_leaves_its_error(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "t.jsonl")
    settings = Settings(api_key="k", base_url="http://127.0.0.1:9/v1")  # type: ignore[arg-type]
    with pytest.raises(PlannerError):
        trace.ask(Planners(fake_registry(), settings, "openai"), Request(text="x"), {}, Progress())
    assert json.loads(lines(trace)[-1])["event"] == "error"


def test_a_trace_that_cannot_be_written_does_not_stop_the_turn(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    trace = Trace(tmp_path / "file" / "t.jsonl")
    turn = trace.ask(Planners(fake_registry(), Settings(), "rules"), Request(text="hello"), {}, Progress())
    assert turn.answer


def test_the_hash_of_a_record_leaves_out_its_times_and_nothing_else() -> None:
    one = count_record("cans", 6)
    assert record_hash(one) == record_hash(one.model_copy(update={"seconds": {"total": 9.9}}))
    assert record_hash(one) != record_hash(one.model_copy(update={"presence": 0.5}))


def test_a_replay_of_the_same_tools_differs_in_nothing(trace: Trace) -> None:
    assert trace.path is not None
    results = list(replay(read_trace(trace.path), FakeWorkbench()))
    assert [(result.target, result.difference) for result in results] == [("cans", ""), ("jars", "")]


def test_a_replay_names_each_difference(trace: Trace, tmp_path: Path) -> None:
    assert trace.path is not None
    results = list(replay(read_trace(trace.path), FakeWorkbench(fake_registry({"jars": 7}))))
    assert [result.difference for result in results] == ["", "count 6, now 7"]
    (tmp_path / "soda.jpg").unlink()
    results = list(replay(read_trace(trace.path), FakeWorkbench()))
    assert [result.difference for result in results] == ["soda.jpg: no such file"] * 2


def test_another_photo_under_the_same_path_is_named(trace: Trace, tmp_path: Path) -> None:
    assert trace.path is not None
    (tmp_path / "other.jpg").touch()
    results = list(replay(read_trace(trace.path), FakeWorkbench(), lambda _: tmp_path / "other.jpg"))
    assert all("is another photo now" in result.difference for result in results)


def test_a_torn_last_line_is_left_out_and_a_torn_middle_is_an_error(trace: Trace) -> None:
    assert trace.path is not None
    whole = trace.path.read_text()
    trace.path.write_text(whole[:-20])
    assert len(read_trace(trace.path)) == 5
    trace.path.write_text("{}\n" + whole)
    with pytest.raises(DataError, match="line 1"):
        read_trace(trace.path)
