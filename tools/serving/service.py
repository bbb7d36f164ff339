"""One model, one store and one queue behind every surface: what MCP and HTTP both do, done once."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from segmentation.overlay import draw_overlay, encode_overlay, title
from segmentation.photo import Photo
from tools.records import CountRecord, Record
from tools.registry import Progress, Registry
from tools.serving.metrics import Metrics
from tools.serving.queue import WorkQueue
from tools.serving.results import Result, Results, UnknownRecord
from tools.store import ImageStore

Report = Callable[[str, float], None]
Summarise = Callable[[str, Mapping[str, Any], Record], str]
PICTURE_SIDES = (1600, 1200, 900, 640)  # px, longest side, tried until the file is small enough


@dataclass(frozen=True)
class Asker:
    """The planner, handed in because it lives above the tools: a request and its photos in, an answer out."""

    run: Callable[[str, tuple[Photo, ...], Progress], BaseModel]
    answer: type[BaseModel]


@dataclass(frozen=True)
class Limits:
    """What one server does at most."""

    workers: int = 2  # calls at once: while one reads labels, the other may encode; both share encoder batches
    waiting: int = 32
    waiting_uploads: int = 16
    call_seconds: float = 120.0
    ask_seconds: float = 600.0
    upload_seconds: float = 60.0
    picture_bytes: int = 700_000  # MCP hosts refuse results over about a million characters, base64 included


class Service:
    """Calls tools, takes uploads and draws pictures for clients that do not know of each other.

    Args:
        summarise: says a record in one or two sentences.
        asker: answers requests in plain words; without one there is no such route.
    """

    def __init__(
        self,
        store: ImageStore,
        registry: Registry,
        *,
        summarise: Summarise,
        asker: Asker | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.store = store
        self.registry = registry
        self.asker = asker
        self.limits = limits or Limits()
        self.metrics = Metrics()
        self._summarise = summarise
        self._results = Results()
        self._compute = WorkQueue("tools", self.limits.workers, self.limits.waiting)
        # Decoding is short and must not wait behind a count; two at once bound what it holds in memory.
        self._intake = WorkQueue("intake", 2, self.limits.waiting_uploads)
        self.metrics.gauge("shelf_waiting", "calls that wait", lambda: self._compute.depth)
        self.metrics.gauge("shelf_running", "calls that run", lambda: self._compute.running)
        self.metrics.gauge("shelf_images", "photos that are known", lambda: len(self.store.known()))
        self.metrics.gauge("shelf_pixel_bytes", "bytes of decoded photos", self.store.pixel_bytes)

    @property
    def ready(self) -> bool:
        """Whether new work is taken."""
        return not self._compute.stopping

    async def call(self, name: str, arguments: Mapping[str, Any], client: str, report: Report | None = None) -> Result:
        """Call a tool.

        Raises:
            ShelfError: of any kind; `failure_of` sorts it.
        """
        tool = self.registry.get(name)
        parsed = tool.parse(arguments)  # before it waits: a wrong call costs nobody's time
        with self.metrics.measured(name):
            record = await self._compute.run(
                client, lambda progress: tool.run(parsed, progress), self.limits.call_seconds, report
            )
        result = Result.of(record)
        self._results.keep(result)
        return result

    async def ask(self, request: str, images: tuple[str, ...], client: str, report: Report | None = None) -> BaseModel:
        """Answer a request in plain words about photos that are known or may be read."""
        assert self.asker is not None
        run = self.asker.run

        def work(progress: Progress) -> BaseModel:
            return run(request, tuple(self.store.get(image) for image in images), progress)

        with self.metrics.measured("ask"):
            return await self._compute.run(client, work, self.limits.ask_seconds, report)

    async def upload(self, data: bytes, name: str, client: str) -> Photo:
        """Take a photo.

        Raises:
            PhotoError: it is no photo that can be read.
        """
        with self.metrics.measured("upload"):
            return await self._intake.run(
                client, lambda progress: self.store.add(data, name), self.limits.upload_seconds
            )

    async def image(self, reference: str) -> Photo:
        """A known photo, or one that may be read."""
        return await self._intake.run("image", lambda progress: self.store.get(reference), self.limits.upload_seconds)

    def result(self, id: str) -> Result:
        """A record that was returned before."""
        return self._results.get(id)

    def summary(self, name: str, arguments: Mapping[str, Any], record: Record) -> str:
        """What a record says, in words."""
        return self._summarise(name, arguments, record)

    async def picture(self, id: str, client: str) -> bytes:
        """The annotated photo of a count as a JPEG of bounded size.

        Raises:
            UnknownRecord: no count of that id is kept.
        """
        record = self.result(id).record
        if not isinstance(record, CountRecord):
            raise UnknownRecord("only counts have a picture")
        counted = record

        def draw(progress: Progress) -> bytes:
            pixels = self.store.get(counted.image.id).pixels
            lines = [title(counted.target, counted.count, counted.low, counted.high), *counted.warnings]
            overlay = draw_overlay(pixels, counted.instances, counted.excluded, lines)
            data = b""
            for side in PICTURE_SIDES:
                data = encode_overlay(overlay, ".jpg", side)
                if len(data) <= self.limits.picture_bytes:
                    break
            return data

        return await self._intake.run(client, draw, self.limits.upload_seconds)

    async def stop(self, grace: float) -> None:
        """Let what runs finish for `grace` seconds, refuse the rest."""
        until = time.monotonic() + grace
        await asyncio.to_thread(self._compute.stop, grace)
        await asyncio.to_thread(self._intake.stop, max(0.0, until - time.monotonic()))
