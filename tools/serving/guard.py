"""What every HTTP request passes first: host, origin, token, rate, size, patience.

Loopback is no border: any web page can send requests to it through the visitor's browser, and DNS rebinding
makes them look local. So Host and Origin are checked everywhere, and CORS is never switched on.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN_PATHS = ("/healthz", "/readyz")  # for probes, which hold no token
MAX_BUCKETS = 10_000


@dataclass(frozen=True)
class Policy:
    """Who may ask, from where, how often and how much.

    `hosts` are names or addresses without a port. Without `tokens` anybody who reaches the port may ask,
    which is for loopback only. `rate` and `burst` are requests per second and at once, for each token or
    address.
    """

    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "::1")
    tokens: tuple[str, ...] = ()
    rate: float = 50.0
    burst: int = 200
    json_bytes: int = 8 * 2**20
    upload_bytes: int = 64 * 2**20 + 2**16  # the largest photo and a multipart frame around it
    body_seconds: float = 30.0  # for each piece of a body


class Guard:
    """Pure ASGI middleware: it sees a request before its body is read."""

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self._app = app
        self._policy = policy
        self._digests = [hashlib.sha256(token.encode()).digest() for token in policy.tokens]
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens left, when

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on with a body that cannot grow or drip without end."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        cap = self._policy.upload_bytes if scope["path"] == "/v1/images" else self._policy.json_bytes
        refusal = self._refusal(scope, headers, cap)
        if refusal is not None:
            status, message, extra = refusal
            await _answer(send, status, message, extra)
            return
        await self._app(scope, _Bounded(receive, cap, self._policy.body_seconds), _hardened(send))

    def _refusal(self, scope: Scope, headers: Headers, cap: int) -> tuple[int, str, dict[str, str]] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _name(hosts[0]) not in self._policy.hosts:
            return 421, "this server does not go by that host name; start it with --allow-host", {}
        origin = headers.get("origin")
        if origin is not None and not self._local(origin):
            return 403, "requests from other web pages are refused", {}
        if scope["path"] in OPEN_PATHS:
            return None
        caller = self._caller(scope, headers)
        if caller is None:
            return 401, "a valid token is needed: Authorization: Bearer ...", {"www-authenticate": "Bearer"}
        if (wait := self._wait(caller)) > 0:
            return 429, "too many requests", {"retry-after": str(max(1, round(wait + 0.5)))}
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            return 400, "Content-Length is no number", {}
        if int(length) > cap:
            return 413, f"a request here may have {cap} bytes", {}
        return None

    def _local(self, origin: str) -> bool:
        try:
            parts = urlsplit(origin)
            return parts.scheme in ("http", "https") and (parts.hostname or "") in self._policy.hosts
        except ValueError:
            return False

    def _caller(self, scope: Scope, headers: Headers) -> str | None:
        """Whom the rate is counted for; None when the token is missing or wrong."""
        if not self._digests:
            return str((scope.get("client") or ("local",))[0])
        kind, _, token = headers.get("authorization", "").partition(" ")
        digest = hashlib.sha256(token.strip().encode()).digest()
        # All are compared, each in constant time: how long it takes tells nothing.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return digest.hex() if kind.lower() == "bearer" and any(matches) else None

    def _wait(self, caller: str) -> float:
        """Seconds until the caller may ask again (token bucket); 0 when it may now."""
        now = time.monotonic()
        left, since = self._buckets.pop(caller, (float(self._policy.burst), now))
        left = min(float(self._policy.burst), left + (now - since) * self._policy.rate)
        allowed = left >= 1
        self._buckets[caller] = (left - 1 if allowed else left, now)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._policy.rate


class _Bounded:
    """A body of at most `cap` bytes, each piece of which arrives within `seconds`."""

    def __init__(self, receive: Receive, cap: int, seconds: float) -> None:
        self._receive = receive
        self._left = cap
        self._seconds = seconds
        self._complete = False

    async def __call__(self) -> Message:
        if self._complete:  # what comes now is the news that the client has gone: no hurry
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._seconds)
        except TimeoutError:
            raise HTTPException(408, "the body did not arrive in time") from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._left < 0:
                raise HTTPException(413, "the body is too large")
        return message


def _hardened(send: Send) -> Send:
    """No guessing of content types, no caching, on whatever is sent."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            headers.append((b"x-content-type-options", b"nosniff"))
            if not any(name.lower() == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        await send(message)

    return wrapped


async def _answer(send: Send, status: int, message: str, extra: dict[str, str]) -> None:
    kind = {421: "user", 403: "user", 401: "user", 429: "busy"}.get(status, "user")
    body = json.dumps({"error": {"kind": kind, "message": message, "id": None}}).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "connection": "close",  # a body that was not read must not be taken for the next request
        **extra,
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": HTTPStatus(status).value, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _name(host: str) -> str:
    """The name in a Host header, without its port; an address in brackets loses them."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rsplit(":", 1)[0].lower() if host.count(":") == 1 else host.lower()
