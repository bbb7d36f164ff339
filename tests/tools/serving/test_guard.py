import asyncio
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tools.serving.guard import Guard, Policy
from tools.serving.http import build_app
from tools.serving.service import Service

TOKEN = "correct-horse-battery-staple"
LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ENDPOINTS = ["/v1/tools", "/mcp", "/healthz", "/openapi.json"]


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(build_app(service, grace=0), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def guarded(service: Service) -> Iterator[TestClient]:
    policy = Policy(hosts=("shelf.example",), tokens=("another-token-of-length", TOKEN))
    with TestClient(build_app(service, policy, grace=0), base_url="http://shelf.example") as client:
        yield client


def ask(client: TestClient, path: str, headers: dict[str, str]) -> int:
    if path == "/mcp":
        headers = {"accept": "application/json, text/event-stream", **headers}
        return client.post(path, json=LIST_TOOLS, headers=headers).status_code
    return client.get(path, headers=headers).status_code


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:8000"}, 200),
        ({"host": "localhost:9999"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"host": "LOCALHOST"}, 200),
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:8000"}, 421),
        ({"host": "localhost@evil.example"}, 421),
        ({"host": ""}, 421),
        ({"host": "127.0.0.1:8000", "origin": "http://localhost:5173"}, 200),
        ({"host": "127.0.0.1:8000", "origin": "http://evil.example"}, 403),
        ({"host": "127.0.0.1:8000", "origin": "http://localhost.evil.example"}, 403),
        ({"host": "127.0.0.1:8000", "origin": "null"}, 403),
        ({"host": "127.0.0.1:8000", "origin": "file://localhost"}, 403),
        ({"host": "127.0.0.1:8000", "origin": "http://[bad"}, 403),
        ({"host": "evil.example", "origin": "http://evil.example"}, 421),
    ],
)
def test_host_and_origin_are_checked_on_every_path(client: TestClient, headers: dict[str, str], status: int) -> None:
    assert {path: ask(client, path, headers) for path in ENDPOINTS} == dict.fromkeys(ENDPOINTS, status)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer \u00e9",
    ],
)
def test_a_missing_or_wrong_token_is_401(guarded: TestClient, authorization: str) -> None:
    headers = {"authorization": authorization.encode("latin-1")} if authorization else {}
    for path in ("/v1/tools", "/mcp", "/openapi.json", "/metrics", "/v1/records/x", "/nowhere"):
        response = guarded.get(path, headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in response.text


@pytest.mark.parametrize("token", [TOKEN, "another-token-of-length"])
def test_each_token_opens_all_paths_and_probes_need_none(guarded: TestClient, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    assert ask(guarded, "/v1/tools", headers) == 200
    assert ask(guarded, "/mcp", headers) == 200
    assert guarded.get("/healthz").status_code == 200
    assert guarded.get("/readyz").status_code == 200
    assert guarded.get("/openapi.json", headers=headers).json()["security"] == [{"token": []}]


def test_no_answer_allows_another_page_to_read_it(client: TestClient) -> None:
    headers = {"origin": "http://localhost:5173", "access-control-request-method": "POST"}
    preflight = client.options("/v1/tools/count", headers=headers)
    assert preflight.status_code == 405
    for response in (preflight, client.get("/v1/tools", headers=headers)):
        assert not [name for name in response.headers if name.startswith("access-control")]
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"


def test_each_token_has_its_own_rate(service: Service) -> None:
    policy = Policy(tokens=("first-token-of-length", "second-token-of-length"), rate=0.001, burst=3)
    with TestClient(build_app(service, policy, grace=0), base_url="http://localhost") as client:

        def statuses(token: str, count: int) -> list[int]:
            headers = {"authorization": f"Bearer {token}"}
            return [client.get("/v1/tools", headers=headers).status_code for _ in range(count)]

        assert statuses("first-token-of-length", 5) == [200, 200, 200, 429, 429]
        assert statuses("second-token-of-length", 4) == [200, 200, 200, 429]
        refused = client.get("/v1/tools", headers={"authorization": "Bearer first-token-of-length"})
        assert int(refused.headers["retry-after"]) >= 1


def serve(policy: Policy, messages: list[dict], scope: dict | None = None) -> list[dict]:  # type: ignore[type-arg]
    """What an application behind the guard that reads its whole body sends, given these messages."""

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive():  # type: ignore[no-untyped-def]
        if messages:
            return messages.pop(0)
        return await asyncio.get_running_loop().create_future()

    sent: list[dict] = []  # type: ignore[type-arg]

    async def send(message):  # type: ignore[no-untyped-def]
        sent.append(message)

    whole = {"type": "http", "path": "/x", "headers": [(b"host", b"localhost")], "client": ("1.2.3.4", 5)}
    asyncio.run(Guard(app, policy)({**whole, **(scope or {})}, receive, send))
    return sent


def test_a_body_that_stops_arriving_is_given_up() -> None:
    policy = Policy(body_seconds=0.02)
    with pytest.raises(Exception, match="did not arrive in time"):
        serve(policy, [{"type": "http.request", "body": b"x", "more_body": True}])


def test_two_host_headers_are_one_too_many() -> None:
    headers = [(b"host", b"localhost"), (b"host", b"evil.example")]
    assert serve(Policy(), [], {"headers": headers})[0]["status"] == 421


@pytest.mark.parametrize("length", [b"-5", b"1e9", b"x", b"9" * 30])
def test_a_content_length_that_is_no_size_or_too_large_is_refused(length: bytes) -> None:
    headers = [(b"host", b"localhost"), (b"content-length", length)]
    assert serve(Policy(), [], {"headers": headers})[0]["status"] in (400, 413)


def test_web_sockets_are_closed() -> None:
    assert serve(Policy(), [], {"type": "websocket"}) == [{"type": "websocket.close", "code": 1008}]


def test_callers_that_are_remembered_stay_bounded() -> None:
    guard = Guard(lambda *_: None, Policy())  # type: ignore[arg-type,return-value]
    for number in range(10_500):
        guard._wait(str(number))
    assert len(guard._buckets) == 10_000
