"""`shelf serve`: the tools for other programs, over MCP (stdio or HTTP) and plain HTTP."""

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from agent.commands.options import Checkpoint
from agent.errors import AgentError
from agent.settings import PlannerChoice

if TYPE_CHECKING:
    import socket

    from agent.settings import Settings
    from tools.registry import Registry
    from tools.serving.guard import Policy
    from tools.serving.service import Asker, Service
    from tools.store import ImageStore

    RegistryFactory = Callable[[ImageStore, str | None], Registry]

SHORTEST_TOKEN = 16
BY_STDIO = (
    "a picture attached to a chat does not reach this server: save it below a folder that the server was started "
    "with (--root) and name its path, or send a data URI"
)
BY_HTTP = (
    "a picture attached to a chat does not reach this server: POST the file to /v1/images and use the id, "
    "name a path under the server's --root, or send a data URI"
)


class ServeError(AgentError):
    """A server that must not, or cannot, be started like this."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    ctx: typer.Context,
    mcp: Annotated[
        Literal["stdio"] | None,
        typer.Option(help="Serve one MCP client over standard input and output instead of HTTP."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks one.")] = 8000,
    root: Annotated[
        list[Path] | None, typer.Option(help="Folder whose photos may be named by path. Repeatable.")
    ] = None,
    token: Annotated[
        list[str] | None,
        typer.Option(envvar="SHELF_TOKEN", help="Token that callers must send; needed beyond loopback. Repeatable."),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Name by which callers know this server. Repeatable.")
    ] = None,
    allow_url_host: Annotated[
        list[str] | None, typer.Option(help="Host from which photos may be fetched by URL. Repeatable.")
    ] = None,
    planner: Annotated[PlannerChoice | None, typer.Option(help="Who plans /v1/ask.")] = None,
    checkpoint: Checkpoint = None,
) -> None:
    """Offer the tools to other programs."""
    import logging

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")  # to standard error
    roots = tuple(_folder(path) for path in root or ())
    policy = policy_for(host, tuple(token or ()), tuple(allow_host or ()))
    service = _service(ctx, roots, tuple(allow_url_host or ()), planner, checkpoint, stdio=mcp is not None)
    if mcp == "stdio":
        import asyncio

        from tools.serving.mcp import serve_stdio

        asyncio.run(serve_stdio(service, grace=5))
        return
    _serve_http(service, policy, _listen(host, port))


def policy_for(host: str, tokens: tuple[str, ...], names: tuple[str, ...]) -> "Policy":
    """Who may ask a server that listens there.

    Raises:
        ServeError: reachable from elsewhere without a token or without a name to be known by.
    """
    from tools.serving.guard import Policy

    if any(len(token) < SHORTEST_TOKEN for token in tokens):
        raise ServeError(f"a token needs at least {SHORTEST_TOKEN} characters")
    local = Policy().hosts
    if host in local:
        return Policy(hosts=(*local, *names), tokens=tokens)
    if not tokens:
        raise ServeError(f"listening on {host} needs --token (or SHELF_TOKEN): others can reach it")
    try:
        everywhere = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        everywhere = False
    if everywhere and not names:
        raise ServeError(f"listening on {host} needs --allow-host: the name or address that callers will use")
    return Policy(hosts=names if everywhere else (host, *names), tokens=tokens)


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ServeError(f"--root {path}: no such folder")
    return path


def _service(
    ctx: typer.Context,
    roots: tuple[Path, ...],
    url_hosts: tuple[str, ...],
    planner: PlannerChoice | None,
    checkpoint: str | None,
    *,
    stdio: bool,
) -> "Service":
    from agent.answer import sentence
    from agent.settings import load_settings
    from agent.turn import Call
    from tools.serving.fetch import Fetcher
    from tools.serving.service import Service
    from tools.store import ImageStore

    settings = load_settings(planner=planner, checkpoint=checkpoint)
    store = ImageStore(
        roots,
        hand_over=BY_STDIO if stdio else BY_HTTP,
        fetch=Fetcher(url_hosts) if url_hosts else None,
    )
    factory = cast("RegistryFactory", ctx.obj or _registry)  # a test hands its own in as the context's object
    registry = factory(store, settings.checkpoint)
    return Service(
        store,
        registry,
        summarise=lambda name, arguments, record: sentence(Call(tool=name, arguments=dict(arguments)), record),
        asker=None if stdio else _asker(registry, settings),
    )


def _registry(store: "ImageStore", checkpoint: str | None) -> "Registry":
    from segmentation.checkpoint import resolve
    from segmentation.counter import Counter
    from segmentation.sharing import SharedClipSeg
    from tools.catalog import build_registry

    if checkpoint is not None:  # told now, to the one who starts it, and not to a first caller
        resolve(checkpoint)
    return build_registry(store, Counter(checkpoint, SharedClipSeg.load))


def _asker(registry: "Registry", settings: "Settings") -> "Asker":
    """The planner as the service calls it."""
    from agent.planner import Planners
    from agent.request import Photo, Request
    from agent.turn import Turn
    from segmentation.photo import Photo as Picture
    from tools.registry import Progress
    from tools.serving.service import Asker

    planners = Planners(registry, settings, settings.planner)

    def run(request: str, pictures: tuple[Picture, ...], progress: Progress) -> Turn:
        photos = tuple(Photo.of(each.id, each.name, each.width, each.height) for each in pictures)
        return planners.ask(Request(text=request, photos=photos), progress)

    return Asker(run, Turn)


def _listen(host: str, port: int) -> "socket.socket":
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's delay off (40 ms an answer) only where it is.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise ServeError(f"cannot listen on {host}:{port} ({(error.strerror or 'error').lower()})") from error
    return listener


def _serve_http(service: "Service", policy: "Policy", listener: "socket.socket") -> None:
    import logging

    from tools.serving.server import Server

    for name in ("uvicorn.error", "mcp"):  # they tell of every step of starting and stopping
        logging.getLogger(name).setLevel(logging.WARNING)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    logging.getLogger("shelf").info("serving http://%s:%d, MCP at /mcp; Ctrl-C stops it", shown, port)
    Server(service, policy).run(sockets=[listener])
