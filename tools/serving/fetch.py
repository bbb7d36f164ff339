"""Photos by URL, only when the one who runs the server has named the hosts they may come from.

Each address is resolved once, refused unless all its answers are public, and connected to as it was
resolved, so a name that changes its answer in between gains nothing. Every redirect starts over. https
only, no proxy, no cookies, bytes and time bounded.
"""

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

from segmentation.photo import MAX_BYTES
from segmentation.printable import printable
from tools.errors import UnknownImage

SECONDS = 20.0
MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)

Resolve = Callable[[str, int], list[str]]
Connect = Callable[[str, int, str, float], socket.socket]


class Fetcher:
    """Gets the bytes behind an https URL of an allowed host.

    Args:
        hosts: exact host names; subdomains are other hosts.
        resolve: all addresses of a name.
        connect: an encrypted connection to one address, verified for a host name.
    """

    def __init__(
        self,
        hosts: tuple[str, ...],
        *,
        resolve: Resolve | None = None,
        connect: Connect | None = None,
        max_bytes: int = MAX_BYTES,
        seconds: float = SECONDS,
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._resolve = resolve or _resolve
        self._connect = connect or _connect
        self._max_bytes = max_bytes
        self._seconds = seconds

    def __call__(self, url: str) -> bytes:
        """The body behind a URL.

        Raises:
            UnknownImage: not allowed, not reachable, or too much; says which.
        """
        deadline = time.monotonic() + self._seconds
        for _ in range(MAX_REDIRECTS + 1):
            try:
                found = self._once(url, deadline)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise UnknownImage(f"the URL could not be read ({type(error).__name__})") from error
            if isinstance(found, bytes):
                return found
            url = urljoin(url, found)
        raise UnknownImage("the URL redirects too often")

    def _once(self, url: str, deadline: float) -> bytes | str:
        """The body, or where it has moved to."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if parts.scheme != "https" or host not in self._hosts or parts.username or parts.port not in (None, 443):
            allowed = ", ".join(sorted(self._hosts))
            raise UnknownImage(f"only https URLs of these hosts are opened: {allowed}; not {printable(host, 60)!r}")
        addresses = self._resolve(host, 443)
        if not addresses or not all(_public(address) for address in addresses):
            raise UnknownImage(f"{host} does not lead to a public address")
        with self._connect(addresses[0], 443, host, _left(deadline)) as connection:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: image/*\r\nConnection: close\r\n\r\n"
            connection.sendall(request.encode("ascii"))
            response = http.client.HTTPResponse(_patient(connection, deadline), method="GET")
            response.begin()
            if response.status in _REDIRECTS:
                return response.headers.get("Location", "")
            if response.status != 200 or response.headers.get("Content-Encoding", "identity") != "identity":
                raise UnknownImage(f"the URL answered {response.status}, not with a plain file")
            return self._body(response, connection, deadline)

    def _body(self, response: http.client.HTTPResponse, connection: socket.socket, deadline: float) -> bytes:
        body = bytearray()
        while len(body) <= self._max_bytes:
            connection.settimeout(_left(deadline))
            piece = response.read1(2**16)  # what has come, not a full buffer: a drip must meet the deadline
            if not piece:
                return bytes(body)
            body += piece
        raise UnknownImage(f"the file behind the URL has more than {self._max_bytes} bytes")


def _patient(connection: socket.socket, deadline: float) -> socket.socket:
    connection.settimeout(_left(deadline))
    return connection


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _public(address: str) -> bool:
    """Whether an address is on the public internet, also when an IPv6 address wraps an IPv4 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return ip.is_global and not ip.is_multicast


def _resolve(host: str, port: int) -> list[str]:
    return [str(answer[4][0]) for answer in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _connect(address: str, port: int, host: str, seconds: float) -> socket.socket:
    plain = socket.create_connection((address, port), timeout=seconds)
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise
