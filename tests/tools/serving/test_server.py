"""The application under a real server and real sockets: what a test client cannot show."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from mcp import Client

from tools.arguments import CountArguments
from tools.registry import Progress
from tools.serving import server as serving
from tools.serving.service import Asker, Limits

from .conftest import PATIENCE, Toys, service_of
from .test_http import Answer


class Server(serving.Server):
    """The server in a thread, on a port of its own."""

    def __init__(self, toys: Toys, grace: float = 5, limits: Limits | None = None, asker: Asker | None = None) -> None:
        super().__init__(service_of(toys, limits, asker), grace=grace)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=lambda: self.run(sockets=[self._listener]))

    def __enter__(self) -> "Server":
        self._thread.start()
        deadline = time.monotonic() + PATIENCE
        while not self.started:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self.should_exit = True
        self._thread.join(PATIENCE)
        self._listener.close()

    def request(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            headers = {"content-type": "application/json"} if body is not None else {}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()


@pytest.fixture
def server(toys: Toys) -> Iterator[Server]:
    with Server(toys) as server:
        yield server


COUNT = {"image": "shelf.png", "target": "cans"}
WAIT = {"image": "shelf.png", "target": "wait"}


def test_the_sdks_own_client_calls_a_tool_over_http(server: Server) -> None:
    import asyncio

    async def go() -> None:
        async with Client(f"http://127.0.0.1:{server.port}/mcp") as client:
            result = await client.call_tool("count", COUNT)
            assert not result.is_error
            assert result.structured_content["count"] == 7
            assert (await client.call_tool("count", {"image": "shelf.png"})).is_error

    asyncio.run(asyncio.wait_for(go(), PATIENCE))


def test_a_client_that_is_killed_while_it_waits_frees_the_worker(server: Server, toys: Toys) -> None:
    script = f"""
import http.client, json
c = http.client.HTTPConnection("127.0.0.1", {server.port})
c.request("POST", "/v1/tools/count", {json.dumps(json.dumps(WAIT))}, {{"content-type": "application/json"}})
c.getresponse()
"""
    process = subprocess.Popen([sys.executable, "-c", script])
    assert toys.started.wait(PATIENCE)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert toys.cancelled.wait(PATIENCE)
    assert server.request("POST", "/v1/tools/count", COUNT)[0] == 200


@pytest.mark.parametrize("version", ["2025-06-18", "2026-07-28"])
def test_an_mcp_client_that_hangs_up_while_it_waits_frees_the_worker(server: Server, toys: Toys, version: str) -> None:
    call = {"name": "count", "arguments": WAIT}
    if version == "2026-07-28":
        call["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientInfo": {"name": "x", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call})
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": version,
        "mcp-method": "tools/call",
        "mcp-name": "count",
    }
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    connection.request("POST", "/mcp", body, headers)
    assert toys.started.wait(PATIENCE)
    connection.close()
    assert toys.cancelled.wait(PATIENCE)


def test_a_client_that_hangs_up_while_events_come_frees_the_worker(toys: Toys) -> None:
    def wait(request: str, photos: object, progress: Progress) -> Answer:
        progress.report("planning", 0.1)
        toys.count(CountArguments(image="shelf.png", target="wait"), progress)
        return Answer(answer="too late")

    with Server(toys, asker=Asker(wait, Answer)) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        connection.request("POST", "/v1/ask", json.dumps({"request": "x", "images": ["shelf.png"]}), headers)
        response = connection.getresponse()
        assert response.readline() == b"event: progress\n"
        assert toys.started.wait(PATIENCE)
        response.close()
        connection.close()
        assert toys.cancelled.wait(PATIENCE)


def test_when_the_server_stops_running_calls_finish_and_new_ones_are_refused(toys: Toys) -> None:
    results: dict[str, tuple[int, dict[str, str], bytes]] = {}
    with Server(toys) as server:

        def call(name: str, body: object) -> None:
            results[name] = server.request("POST", "/v1/tools/count", body)

        running = threading.Thread(target=call, args=("running", WAIT))
        running.start()
        assert toys.started.wait(PATIENCE)
        server.should_exit = True
        toys.go.set()
        running.join(PATIENCE)
    assert results["running"][0] == 200
    assert json.loads(results["running"][2])["count"] == 7
    with pytest.raises(OSError):  # noqa: PT011 - refused or reset, as the system likes
        server.request("GET", "/healthz")


def test_calls_that_wait_when_the_server_stops_or_outlast_its_grace_are_told_so(toys: Toys) -> None:
    results: list[tuple[int, dict[str, str], bytes]] = []
    started = time.monotonic()
    with Server(toys, grace=1, limits=Limits(workers=1)) as server:

        def call() -> None:
            results.append(server.request("POST", "/v1/tools/count", WAIT))

        threads = [threading.Thread(target=call) for _ in range(3)]
        threads[0].start()
        assert toys.started.wait(PATIENCE)
        for thread in threads[1:]:
            thread.start()
        deadline = time.monotonic() + PATIENCE
        while b"shelf_waiting 2" not in server.request("GET", "/metrics")[2]:
            assert time.monotonic() < deadline
    for thread in threads:
        thread.join(PATIENCE)
    assert [status for status, _, _ in results] == [503, 503, 503]
    assert {headers["retry-after"] for _, headers, _ in results} == {"5"}
    assert {json.loads(body)["error"]["kind"] for _, _, body in results} == {"stopping"}
    assert toys.cancelled.wait(PATIENCE)
    assert time.monotonic() - started < PATIENCE


def _ignoring(server: Server, body: object) -> None:
    try:
        server.request("POST", "/v1/tools/count", body)
    except (OSError, http.client.HTTPException):
        return


def test_a_full_queue_answers_429_with_retry_after(toys: Toys) -> None:
    with Server(toys, limits=Limits(workers=1, waiting=2)) as server:
        threads = [threading.Thread(target=lambda: _ignoring(server, WAIT)) for _ in range(3)]
        threads[0].start()
        assert toys.started.wait(PATIENCE)  # it runs, so the other two are the ones that wait
        for thread in threads[1:]:
            thread.start()
        deadline = time.monotonic() + PATIENCE
        while b"shelf_waiting 2" not in server.request("GET", "/metrics")[2]:
            assert time.monotonic() < deadline
        status, headers, body = server.request("POST", "/v1/tools/count", COUNT)
        assert status == 429
        assert int(headers["retry-after"]) >= 1
        assert json.loads(body)["error"]["kind"] == "busy"
        toys.go.set()
        for thread in threads:
            thread.join(PATIENCE)


def test_a_hundred_sockets_that_write_slowly_do_not_slow_health_checks(server: Server) -> None:
    fields = b"Host: localhost\r\nContent-Type: image/png\r\nContent-Length: 100000\r\n\r\n"
    head = b"POST /v1/images HTTP/1.1\r\n" + fields
    slow = [socket.create_connection(("127.0.0.1", server.port), PATIENCE) for _ in range(100)]
    try:
        for number, connection in enumerate(slow):
            connection.sendall(head if number % 2 else head[:40])
        seconds = []
        for round in range(100):
            slow[round].sendall(b"x")
            started = time.perf_counter()
            assert server.request("GET", "/healthz")[0] == 200
            seconds.append(time.perf_counter() - started)
        # The promise is 100 ms at the 99th percentile (tests/load measures it); half as strict when busy.
        assert sorted(seconds)[98] < 0.2
    finally:
        for connection in slow:
            connection.close()
