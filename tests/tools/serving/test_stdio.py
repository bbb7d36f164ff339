"""The server as another program starts it: a process whose standard output is the protocol alone."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from .conftest import png

PATIENCE = 60  # a fresh interpreter on a busy machine

SERVER = """
import asyncio, logging, os, sys, warnings
from pathlib import Path
from tools.describe import describe_tool
from tools.registry import Registry
from tools.serving.mcp import serve_stdio
from tools.serving.service import Service
from tools.store import ImageStore

logging.basicConfig(level=logging.DEBUG)

def noisy(photo):
    print("printed by a library")
    sys.stdout.write("no line end")
    os.write(1, b"written past Python\\n")
    for level in range(10, 60, 10):
        logging.getLogger("library").log(level, "logged")
    warnings.warn("warned")
    return ()

store = ImageStore((Path(sys.argv[1]),))
service = Service(store, Registry((describe_tool(store, noisy),)), summarise=lambda *_: "described")
asyncio.run(serve_stdio(service, 1))
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / "shelf.png").write_bytes(png())
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    return [sys.executable, str(script), str(tmp_path)]


def test_the_sdks_own_client_calls_a_tool_over_stdio(command: list[str]) -> None:
    async def go() -> None:
        server = StdioServerParameters(command=command[0], args=command[1:], cwd=str(Path.cwd()))
        async with Client(server) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == ["describe"]
            result = await client.call_tool("describe", {"image": "shelf.png"})
            assert not result.is_error
            assert result.structured_content["image"]["name"] == "shelf.png"
            refused = await client.call_tool("describe", {"image": "../server.py"})
            assert refused.is_error
            assert str(Path(command[2]).parent) not in refused.content[0].text

    asyncio.run(asyncio.wait_for(go(), PATIENCE))


def test_every_line_on_standard_output_is_protocol_whatever_libraries_print(command: list[str]) -> None:
    handshake = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "by hand", "version": "1"},
    }
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": handshake},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {"name": "describe", "arguments": {"image": "shelf.png"}},
        },
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    lines = []
    for message in messages:
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        if "id" in message:
            lines.append(process.stdout.readline())
    rest, errors = process.communicate(timeout=PATIENCE)
    answers = [json.loads(line) for line in [*lines, *rest.splitlines()]]
    assert [answer.get("id") for answer in answers] == [1, 2]
    assert all(answer["jsonrpc"] == "2.0" for answer in answers)
    assert process.returncode == 0
    for noise in ("printed by a library", "no line end", "written past Python", "logged", "warned"):
        assert noise in errors
