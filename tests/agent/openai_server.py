"""A server on loopback that speaks the OpenAI chat protocol from a script, whole or streamed in pieces."""

import json
from collections import deque
from collections.abc import Iterator
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response


def text(content: str) -> dict[str, Any]:
    """A reply in words."""
    return {"role": "assistant", "content": content}


def calls(*wanted: tuple[str, str]) -> dict[str, Any]:
    """A reply that calls tools: names with their arguments as JSON text."""
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for i, (name, arguments) in enumerate(wanted)
        ],
    }


class Script:
    """Replies in order: a message, a whole Response, or a function of the request. Keeps the requests."""

    def __init__(self, server: HTTPServer, *steps: Any, repeat: bool = False) -> None:
        self.steps = deque(steps)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.repeat = repeat
        server.expect_request("/v1/chat/completions", method="POST").respond_with_handler(self._reply)
        self.url = server.url_for("/v1")

    def _reply(self, request: Request) -> Response:
        body = request.get_json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        step = self.steps[0] if self.repeat else self.steps.popleft()
        if callable(step) and not isinstance(step, Response):
            step = step(body)
        if isinstance(step, Response):
            return step
        return streamed(step) if body.get("stream") else whole(step)


def whole(message: dict[str, Any]) -> Response:
    """The reply in one piece."""
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "tool_calls" if message.get("tool_calls") else "stop",
    }
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    body = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }
    return Response(json.dumps(body), content_type="application/json")


def streamed(message: dict[str, Any], cut_after: int | None = None) -> Response:
    """The reply as server-sent events, every text cut into pieces of three characters."""
    events = list(_events(message))
    if cut_after is None:
        events.append("[DONE]")
    body = "".join(f"data: {event}\n\n" for event in events[:cut_after])
    return Response(body, content_type="text/event-stream")


def _events(message: dict[str, Any]) -> Iterator[str]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return json.dumps(
            {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        )

    yield chunk({"role": "assistant", "content": ""})
    for piece in _pieces(message.get("content") or ""):
        yield chunk({"content": piece})
    for index, call in enumerate(message.get("tool_calls") or ()):
        head = {"name": call["function"]["name"], "arguments": ""}
        yield chunk({"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": head}]})
        for piece in _pieces(call["function"]["arguments"]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, "tool_calls" if message.get("tool_calls") else "stop")


def _pieces(value: str) -> Iterator[str]:
    for start in range(0, len(value), 3):
        yield value[start : start + 3]
