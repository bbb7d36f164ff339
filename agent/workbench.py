"""The photos and tools of one run of the command line: everything heavy starts here, and only here."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agent.request import Photo
from tools.records import CountRecord
from tools.registry import Registry

if TYPE_CHECKING:
    from tools.caption import Captioner
    from tools.optimizer import Proposer
    from tools.store import ImageStore

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@dataclass(frozen=True)
class Workbench:
    """A store of photos and the tools that look at them."""

    store: "ImageStore"
    registry: Registry
    fingerprint: Callable[[], str] = lambda: ""  # of whatever decides a record besides photo and call

    def add(self, source: str | Path) -> Photo:
        """Take a photo that the user names.

        Raises:
            PhotoError: it cannot be read.
        """
        photo = self.store.add(source)
        return Photo.of(photo.id, photo.name, photo.width, photo.height)

    def overlay(self, record: CountRecord, path: Path) -> None:
        """Draw a count on its photo.

        Raises:
            UserError: the picture cannot be written there.
        """
        from segmentation.overlay import draw_overlay, save_overlay, title

        pixels = self.store.get(record.image.id).pixels
        lines = [title(record.target, record.count, record.low, record.high), *record.warnings]
        save_overlay(path, draw_overlay(pixels, record.instances, record.excluded, lines))


OpenWorkbench = Callable[[str | None], Workbench]


def open_workbench(checkpoint: str | None) -> Workbench:
    """The store and the tools of the product.

    Raises:
        CheckpointError: the named weights cannot be used.
    """
    from agent.models import openai_model
    from agent.proposer import ModelProposer
    from agent.settings import load_settings
    from tools.optimizer import VOCABULARY

    settings = load_settings()
    asked = (ModelProposer(openai_model(settings)),) if settings.wordings == "openai" else ()
    return _open(checkpoint, (*asked, *VOCABULARY), captioner_of(settings.captions))


def captioner_of(source: str) -> "Captioner | None":
    """What writes captions; None: what is printed on the photo.

    Raises:
        PlannerError: the language model is asked for and none is set.
    """
    from agent.settings import load_settings
    from agent.vision import VisionCaptioner
    from tools.caption import BlipCaptioner

    if source == "words":
        return None
    return VisionCaptioner(load_settings()) if source == "openai" else BlipCaptioner(source)


def open_batch_workbench(checkpoint: str | None) -> Workbench:
    """The same for a batch, which asks a language model about sentences and never about a photo.

    Raises:
        CheckpointError: the named weights cannot be used.
    """
    from tools.optimizer import VOCABULARY

    return _open(checkpoint, VOCABULARY)


def _open(checkpoint: str | None, proposers: "Sequence[Proposer]", captioner: "Captioner | None" = None) -> Workbench:
    from agent.batch.fingerprint import engine_fingerprint
    from segmentation.counter import Counter
    from segmentation.sharing import SharedClipSeg
    from tools.catalog import build_registry
    from tools.store import ImageStore

    store = ImageStore()
    registry = build_registry(store, Counter(checkpoint, SharedClipSeg.load), proposers, captioner)
    return Workbench(store, registry, partial(engine_fingerprint, checkpoint))
