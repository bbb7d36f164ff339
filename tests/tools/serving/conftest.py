"""A service with toy tools: what is served is the registry, so the tests need no model."""

import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

from segmentation.errors import TargetError
from tools.arguments import CountArguments, PhotoArguments
from tools.records import (
    CountRecord,
    DescribeRecord,
    Instance,
    ModelInfo,
    PromptUsed,
    Wording,
)
from tools.registry import Progress, Registry, Tool
from tools.serving.service import Asker, Limits, Service
from tools.store import ImageStore, image_info

PATIENCE = 10  # seconds after which a test that waits has failed


def png(shade: int = 100, width: int = 600, height: int = 500) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (shade, shade, shade)).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class Toys:
    """The toy tools and what tests steer them with.

    `count` answers with the shade of the photo, so an answer can be traced to its photo. The target says how
    it ends: "bug" raises, "nothing" is the user's mistake, "wait" waits for `go` or for being cancelled.
    """

    store: ImageStore
    go: threading.Event = field(default_factory=threading.Event)
    started: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def count(self, arguments: CountArguments, progress: Progress) -> CountRecord:
        photo = self.store.get(arguments.image)
        progress.report("looking", 0.5)
        if arguments.target == "bug":
            raise RuntimeError("secret detail at /srv/private/model.bin")
        if arguments.target == "nothing":
            raise TargetError("'nothing' names nothing that can be counted")
        if arguments.target == "wait":
            self.started.set()
            while not self.go.wait(0.005):
                if progress.cancelled.is_set():
                    self.cancelled.set()
                    break
        shade = int(photo.pixels[0, 0, 0])
        return CountRecord(
            target=arguments.target,
            prompt_used=PromptUsed(original=Wording(text=arguments.target), chosen=()),
            count=shade,
            low=shade,
            high=shade + 1,
            components=shade,
            instances=(Instance(id=1, box=(10, 10, 100, 200), score=0.9, evidence=("label",)),),
            excluded=(),
            presence=0.9,
            saturated=False,
            warnings=photo.warnings,
            image=image_info(photo),
            model=ModelInfo(checkpoint=None, sha256=None, device="cpu", dtype="float32"),
            seconds={"all": 0.0},
        )

    def describe(self, arguments: PhotoArguments, progress: Progress) -> DescribeRecord:
        photo = self.store.get(arguments.image)
        return DescribeRecord(
            summary="1 row",
            rows=1,
            colours=("grey",),
            words=(),
            repeated=(),
            warnings=(),
            image=image_info(photo),
            seconds={},
        )

    def registry(self) -> Registry:
        return Registry(
            (
                Tool("count", "Count one kind of thing.", CountArguments, self.count, CountRecord),
                Tool("describe", "Say what is there.", PhotoArguments, self.describe, DescribeRecord),
            )
        )


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[Toys]:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "shelf.png").write_bytes(png(7))
    toys = Toys(ImageStore((tmp_path / "root",), hand_over="upload it first"))
    yield toys
    toys.go.set()


def service_of(toys: Toys, limits: Limits | None = None, asker: Asker | None = None) -> Service:
    return Service(
        toys.store,
        toys.registry(),
        summarise=lambda name, arguments, record: f"{name}: {getattr(record, 'count', record.kind)}",
        asker=asker,
        limits=limits,
    )


@pytest.fixture
def service(toys: Toys) -> Service:
    return service_of(toys)
