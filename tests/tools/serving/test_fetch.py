import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tools.errors import UnknownImage
from tools.serving.fetch import Fetcher, _public

PUBLIC = "93.184.216.34"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\npixels"


class Web:
    """A local server that plays the internet; connections are plain, and each is noted with its address."""

    def __init__(self, answer: Callable[[bytes], bytes] | Callable[[socket.socket], None]) -> None:
        self.connected: list[str] = []
        self.requests: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with peer:
                try:
                    request = peer.recv(65536)
                    self.requests.append(request)
                    answer = self._answer(request)  # type: ignore[arg-type]
                    for piece in [answer] if isinstance(answer, bytes) else answer or ():  # type: ignore[union-attr]
                        peer.sendall(piece)
                except OSError:
                    continue

    def connect(self, address: str, port: int, host: str, seconds: float) -> socket.socket:
        self.connected.append(address)
        return socket.create_connection(self._listener.getsockname(), seconds)

    def close(self) -> None:
        self._listener.close()


@contextmanager
def web(answer) -> Iterator[Web]:  # type: ignore[no-untyped-def]
    server = Web(answer)
    try:
        yield server
    finally:
        server.close()


def fetcher(server: Web, addresses: list[str] | None = None, **options: float) -> Fetcher:
    found = [PUBLIC] if addresses is None else addresses
    return Fetcher(
        ("shop.example", "img.example"),
        resolve=lambda host, port: found,
        connect=server.connect,
        **options,  # type: ignore[arg-type]
    )


def test_a_file_of_an_allowed_host_is_read_from_the_address_that_was_checked() -> None:
    with web(lambda request: OK) as server:
        assert fetcher(server)("https://shop.example/a%20b.png?size=2") == b"pixels"
        assert server.connected == [PUBLIC]
        assert server.requests[0].startswith(b"GET /a%20b.png?size=2 HTTP/1.1\r\nHost: shop.example\r\n")


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/a.png",
        "https://evil.example/a.png",
        "https://sub.shop.example/a.png",
        "https://shop.example.evil.example/a.png",
        "https://shop.example@evil.example/a.png",
        "https://user:secret@shop.example/a.png",
        "https://shop.example:8443/a.png",
        "https://169.254.169.254/latest/meta-data",
        "https://127.1/",
        "https://0x7f.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://shop.example:port/",
        "https:///a.png",
    ],
)
def test_other_schemes_hosts_and_ports_open_no_connection(url: str) -> None:
    with web(lambda request: OK) as server:
        with pytest.raises(UnknownImage) as caught:
            fetcher(server)(url)
        assert "secret" not in str(caught.value)
        assert server.connected == []


def test_a_url_cannot_add_header_lines() -> None:
    with web(lambda request: OK) as server:
        fetcher(server)("https://shop.example/a\r\nX-Added: y")
        assert b"X-Added" not in server.requests[0].split(b"\r\n", 1)[1]


@pytest.mark.parametrize(
    "addresses",
    [
        [],
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],
        ["224.0.0.1"],
        ["::1"],
        ["fe80::1%eth0"],
        ["fd00::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        [PUBLIC, "127.0.0.1"],  # one bad answer among good ones is enough
    ],
)
def test_names_that_lead_to_private_addresses_open_no_connection(addresses: list[str]) -> None:
    with web(lambda request: OK) as server:
        with pytest.raises(UnknownImage, match="does not lead to a public address"):
            fetcher(server, addresses)("https://shop.example/a.png")
        assert server.connected == []


def test_public_addresses_are_public() -> None:
    assert all(_public(address) for address in (PUBLIC, "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"))


def test_a_name_that_changes_its_answer_after_the_check_gains_nothing() -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    with web(lambda request: OK) as server:
        fetch = Fetcher(("shop.example",), resolve=lambda *_: next(answers), connect=server.connect)
        assert fetch("https://shop.example/a.png") == b"pixels"
        assert server.connected == [PUBLIC]
        with pytest.raises(UnknownImage):
            fetch("https://shop.example/a.png")
        assert server.connected == [PUBLIC]


def redirect(target: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/",
        "https://evil.example/",
        "http://shop.example/",
        "file:///etc/passwd",
        "//evil.example/x",
    ],
)
def test_a_redirect_is_checked_like_the_first_url(target: str) -> None:
    with web(lambda request: redirect(target)) as server:
        with pytest.raises(UnknownImage, match="only https URLs of these hosts"):
            fetcher(server)("https://shop.example/a.png")
        assert len(server.connected) == 1


def test_a_redirect_to_an_allowed_host_is_followed_and_a_loop_is_not() -> None:
    def answer(request: bytes) -> bytes:
        return OK if b"Host: img.example" in request else redirect("https://img.example/b.png")

    with web(answer) as server:
        assert fetcher(server)("https://shop.example/a.png") == b"pixels"
    with web(lambda request: redirect("/again")) as server:
        with pytest.raises(UnknownImage, match="redirects too often"):
            fetcher(server)("https://shop.example/a.png")
        assert len(server.connected) == 4


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "answered 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nxx", "not with a plain file"),
        (b"garbage\r\n\r\n", "could not be read"),
        (b"", "could not be read"),
        (b"HTTP/1.1 302 Found\r\n\r\n", "redirects too often"),
    ],
)
def test_answers_that_are_no_file_are_refused(answer: bytes, reason: str) -> None:
    with web(lambda request: answer) as server, pytest.raises(UnknownImage, match=reason):
        fetcher(server)("https://shop.example/a.png")


def test_an_endless_body_ends_at_the_cap() -> None:
    def endless(request: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield b"x" * 65536

    with web(endless) as server, pytest.raises(UnknownImage, match="more than 1000000 bytes"):
        fetcher(server, max_bytes=1_000_000)("https://shop.example/a.png")


def test_a_drip_and_a_silent_server_end_at_the_deadline() -> None:
    stop = threading.Event()

    def drip(request: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while not stop.wait(0.01):
            yield b"x"

    def silent(request: bytes) -> Iterator[bytes]:
        stop.wait(10)
        yield b""

    for answer in (drip, silent):
        with web(answer) as server:
            started = time.monotonic()
            with pytest.raises(UnknownImage, match="could not be read"):
                fetcher(server, seconds=0.2)("https://shop.example/a.png")
            assert time.monotonic() - started < 5
    stop.set()
