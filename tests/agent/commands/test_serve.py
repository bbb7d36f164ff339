import asyncio
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from mcp import Client, StdioServerParameters
from typer.testing import CliRunner

import agent.commands.serve as command
from agent.cli import app
from agent.commands.serve import ServeError, policy_for
from agent.sample import draw_sample
from tests.tiny import save_tiny_checkpoint
from tools.arguments import PhotoArguments
from tools.errors import UnknownImage
from tools.records import CountRecord
from tools.registry import Registry, Tool
from tools.serving.guard import Policy
from tools.serving.service import Service
from tools.store import ImageStore

TOKEN = "a-token-of-good-length"


def registry(store: ImageStore, checkpoint: str | None) -> Registry:
    return Registry((Tool("describe", "Says what is there.", PhotoArguments, lambda *_: None),))  # type: ignore[arg-type,return-value]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Service, Policy]]:
    """What would be served, in place of a server that runs until it is stopped."""
    calls: list[tuple[Service, Policy]] = []

    def serve_http(service: Service, policy: Policy, listener) -> None:  # type: ignore[no-untyped-def]
        listener.close()
        calls.append((service, policy))

    monkeypatch.setattr(command, "_serve_http", serve_http)
    monkeypatch.delenv("SHELF_TOKEN", raising=False)
    return calls


def run(*arguments: str):  # type: ignore[no-untyped-def]
    return CliRunner().invoke(app, ["serve", "--port", "0", *arguments], obj=registry)


@pytest.mark.parametrize(
    ("host", "tokens", "names", "hosts"),
    [
        ("127.0.0.1", (), (), ("127.0.0.1", "localhost", "::1")),
        ("::1", (TOKEN,), ("shelf.lan",), ("127.0.0.1", "localhost", "::1", "shelf.lan")),
        ("192.168.1.5", (TOKEN,), (), ("192.168.1.5",)),
        ("0.0.0.0", (TOKEN,), ("shelf.lan", "192.168.1.5"), ("shelf.lan", "192.168.1.5")),
    ],
)
def test_callers_must_use_a_name_of_the_server(
    host: str, tokens: tuple[str, ...], names: tuple[str, ...], hosts: tuple[str, ...]
) -> None:
    assert policy_for(host, tokens, names) == Policy(hosts=hosts, tokens=tokens)


@pytest.mark.parametrize(
    ("host", "tokens", "reason"),
    [
        ("0.0.0.0", (), "needs --token"),
        ("192.168.1.5", (), "needs --token"),
        ("example.org", (), "needs --token"),
        ("127.0.0.2", (), "needs --token"),
        ("0.0.0.0", (TOKEN,), "needs --allow-host"),
        ("::", (TOKEN,), "needs --allow-host"),
        ("127.0.0.1", ("short",), "at least 16 characters"),
    ],
)
def test_a_server_that_others_can_reach_without_a_token_or_name_is_refused(
    host: str, tokens: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(ServeError, match=reason):
        policy_for(host, tokens, ())


def test_by_default_it_serves_loopback_without_roots_and_without_urls(
    started: list[tuple[Service, Policy]], tmp_path: Path
) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    ((service, policy),) = started
    assert policy == Policy()
    for reference in (str(tmp_path), "https://example.org/a.png"):
        with pytest.raises(Exception, match="POST the file to /v1/images"):
            service.store.get(reference)
    assert service.asker is not None


@pytest.mark.parametrize(("stdio", "way"), [(True, "save it below a folder"), (False, "POST the file to /v1/images")])
def test_a_picture_that_stayed_in_the_chat_is_answered_with_how_to_hand_it_over(stdio: bool, way: str) -> None:
    context = SimpleNamespace(obj=registry)
    service = command._service(context, (), (), None, None, stdio=stdio)  # type: ignore[arg-type]

    with pytest.raises(UnknownImage, match=f"attached to a chat does not reach this server: {way}"):
        service.store.get("image.png")


def test_tokens_come_from_the_environment_too(
    started: list[tuple[Service, Policy]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELF_TOKEN", TOKEN)
    assert run().exit_code == 0
    assert started[0][1].tokens == (TOKEN,)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--root", "/nowhere/at/all"], "no such folder"),
        (["--host", "0.0.0.0"], "needs --token"),
        (["--host", "203.0.113.9", "--token", TOKEN], "cannot listen on 203.0.113.9"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(
    started: list[tuple[Service, Policy]], arguments: list[str], reason: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert started == []


def test_weights_that_are_not_there_are_told_before_anybody_is_served(started: list[tuple[Service, Policy]]) -> None:
    result = CliRunner().invoke(app, ["serve", "--port", "0", "--checkpoint", "nowhere"])
    assert result.exit_code == 2
    assert "no checkpoint nowhere" in result.stderr
    assert started == []


@pytest.mark.slow
def test_the_installed_command_counts_over_stdio_with_the_products_own_tools(tmp_path: Path) -> None:
    draw_sample(tmp_path / "photos" / "sample.jpg")
    checkpoint = save_tiny_checkpoint(tmp_path / "tiny")
    command = str(Path(sys.executable).with_name("shelf"))
    arguments = ["serve", "--mcp", "stdio", "--root", str(tmp_path / "photos"), "--checkpoint", str(checkpoint)]

    async def go() -> None:
        async with Client(StdioServerParameters(command=command, args=arguments)) as client:
            assert {"count", "read_labels", "describe"} <= {tool.name for tool in (await client.list_tools()).tools}
            result = await client.call_tool("count", {"image": "sample.jpg", "target": "red boxes"})
            assert not result.is_error, result.content
            record = CountRecord.model_validate_json(json.dumps(result.structured_content))
            assert record.image.name == "sample.jpg"
            assert str(tmp_path) not in json.dumps(result.structured_content)
            described = await client.call_tool("describe", {"image": "sample.jpg"})
            assert described.structured_content["words"]

    asyncio.run(asyncio.wait_for(go(), 300))
