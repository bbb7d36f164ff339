"""The loop that docs/endpoint.md shows for an LLM of somebody else's runs as it stands there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from .conftest import Toys, png
from .test_server import Server

PAGE = Path(__file__).parents[3] / "docs" / "endpoint.md"


def completion(message: dict) -> dict:  # type: ignore[type-arg]
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": None, **message}}
    return {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}


def test_the_loop_for_an_external_llm_works_as_printed(toys: Toys, httpserver: HTTPServer, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    asked: list[dict] = []  # type: ignore[type-arg]

    def llm(request: Request) -> Response:
        body = json.loads(request.data)
        asked.append(body)
        if len(asked) == 1:
            image = re.search(r"image (\w+)", body["messages"][0]["content"]).group(1)  # type: ignore[union-attr]
            arguments = json.dumps({"image": image, "target": "cans"})
            call = {"id": "c", "type": "function", "function": {"name": "count", "arguments": arguments}}
            reply = completion({"tool_calls": [call]})
        else:
            reply = completion({"content": f"I count {json.loads(body['messages'][-1]['content'])['count']}."})
        return Response(json.dumps(reply), content_type="application/json")

    httpserver.expect_request("/v1/chat/completions").respond_with_handler(llm)
    (tmp_path / "photo.jpg").write_bytes(png(23))
    with Server(toys) as server:
        (tmp_path / "loop.py").write_text(code.replace(":8000", f":{server.port}"))
        done = subprocess.run(
            [sys.executable, "loop.py", "photo.jpg", "how many cans?", "some-model"],
            cwd=tmp_path,
            env={**os.environ, "OPENAI_BASE_URL": httpserver.url_for("/v1"), "OPENAI_API_KEY": "none"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stdout.strip() == "I count 23.", done.stderr
    assert [tool["function"]["name"] for tool in asked[0]["tools"]] == ["count", "describe"]
    assert len([line for line in code.splitlines() if line.strip()]) <= 25
