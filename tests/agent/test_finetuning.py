import json
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from agent.errors import PlannerError
from agent.finetuning import JobError, examples, export, finetune, read_trials
from agent.settings import Settings
from agent.wording_trial import Trial
from segmentation.errors import DataError


def trial(text: str, off: float, on: float, *chosen: str) -> Trial:
    return Trial(
        seed=1,
        text=text,
        kind="kind",
        chosen=chosen or (text,),
        items=3,
        false_area=(0.0, 0.0),
        overlap=(off, on),
        count_error=(0, 0),
    )


def test_only_measured_gains_become_examples() -> None:
    trials = [trial("cans", 0.2, 0.6, "tins"), trial("jars", 0.5, 0.4, "jar"), trial("bags", 0.5, 0.5)]
    (line,) = examples(trials)
    system, asked, said = json.loads(line)["messages"]
    assert [message["role"] for message in (system, asked, said)] == ["system", "user", "assistant"]
    assert json.loads(asked["content"])["target"] == "cans"
    assert json.loads(said["content"])["wordings"][0]["text"] == "tins"


def test_the_export_is_written_once_per_example_and_refused_when_it_is_too_small(tmp_path: Path) -> None:
    gained = [trial(f"cans {i}", 0.2, 0.6, "tins") for i in range(12)]
    assert export(gained * 2, tmp_path / "t.jsonl") == 12
    assert len((tmp_path / "t.jsonl").read_text().splitlines()) == 12
    with pytest.raises(DataError, match="only 3 of 3"):
        export(gained[:3], tmp_path / "u.jsonl")


def test_trials_are_read_back_from_the_json_of_the_evaluation(tmp_path: Path) -> None:
    one = trial("cans", 0.2, 0.6, "tins")
    (tmp_path / "t.json").write_text(json.dumps({"summaries": {}, "trials": [one.model_dump()]}))
    assert read_trials(tmp_path / "t.json") == [one]
    (tmp_path / "bad.json").write_text("[1]")
    for name in ("bad.json", "missing.json"):
        with pytest.raises(DataError, match="shelf eval wording"):
            read_trials(tmp_path / name)


class Service:
    """The three addresses of a fine-tuning job; `states` are its states in order."""

    def __init__(self, server: HTTPServer, *states: str) -> None:
        self.states = list(states)
        self.created: dict[str, Any] = {}
        server.expect_request("/v1/files", method="POST").respond_with_json(
            {"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "filename": "t", "purpose": "fine-tune"}
        )
        server.expect_request("/v1/fine_tuning/jobs", method="POST").respond_with_handler(self._create)
        server.expect_request("/v1/fine_tuning/jobs/job-1", method="GET").respond_with_handler(self._state)
        server.expect_request("/v1/fine_tuning/jobs/job-1/events").respond_with_json(
            {"object": "list", "has_more": False, "data": [self._event("b", "step 2"), self._event("a", "step 1")]}
        )
        self.url = server.url_for("/v1")

    @staticmethod
    def _event(id: str, message: str) -> dict[str, Any]:
        return {"id": id, "object": "fine_tuning.job.event", "created_at": 1, "level": "info", "message": message}

    def _create(self, request: Request) -> Response:
        self.created = request.get_json()
        return self._job("queued")

    def _state(self, request: Request) -> Response:
        return self._job(self.states.pop(0))

    @staticmethod
    def _job(state: str) -> Response:
        body = {"id": "job-1", "object": "fine_tuning.job", "status": state, "model": "m", "created_at": 1}
        body |= {"fine_tuned_model": "ft:m:1"} if state == "succeeded" else {}
        body |= {"error": {"code": "x", "message": "bad data", "param": None}} if state == "failed" else {}
        return Response(json.dumps(body), content_type="application/json")


def run(url: str, file: Path, **options: Any) -> tuple[str, list[str]]:
    told: list[str] = []
    settings = Settings(base_url=url, api_key="sk-secret")  # type: ignore[arg-type]
    return finetune(settings, file, "m", told.append, pause=lambda: None, **options), told


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "t.jsonl").write_text("{}\n")
    return tmp_path / "t.jsonl"


def test_a_job_is_submitted_and_followed_to_its_model(httpserver: HTTPServer, file: Path) -> None:
    service = Service(httpserver, "running", "running", "succeeded")
    model, told = run(service.url, file)
    assert model == "ft:m:1"
    assert told == ["job job-1 was submitted; follow it later with --job job-1", "step 1", "step 2"]
    assert (service.created["training_file"], service.created["model"]) == ("file-1", "m")


def test_a_job_is_taken_up_without_a_new_submission(httpserver: HTTPServer, file: Path) -> None:
    service = Service(httpserver, "succeeded")
    assert run(service.url, file, job="job-1")[1] == ["step 1", "step 2"]
    assert service.created == {}


def test_a_failed_job_says_why(httpserver: HTTPServer, file: Path) -> None:
    with pytest.raises(JobError, match="bad data"):
        run(Service(httpserver, "failed").url, file)


def test_a_server_that_refuses_is_one_line(httpserver: HTTPServer, file: Path) -> None:
    httpserver.expect_request("/v1/files").respond_with_json({"error": {"message": "bad key"}}, status=401)
    with pytest.raises(PlannerError, match="OPENAI_API_KEY"):
        run(httpserver.url_for("/v1"), file)
    with pytest.raises(DataError, match="cannot be read"):
        run(httpserver.url_for("/v1"), file.with_name("missing.jsonl"))
