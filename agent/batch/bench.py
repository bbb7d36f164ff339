"""A worker's tools: the registry of all surfaces, a store of its own, and something that draws."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.batch.call import Call
from agent.batch.errors import ClusterError
from agent.batch.photos import PhotoRef, is_url, read_url
from agent.batch.work import Outcome
from segmentation.errors import ShelfError
from tools.heap import give_back
from tools.records import CountRecord
from tools.registry import Progress, Registry

if TYPE_CHECKING:
    from agent.workbench import Workbench
    from segmentation.photo import Photo
    from tools.store import ImageStore

logger = logging.getLogger(__name__)

Draw = Callable[["Photo", CountRecord], bytes]  # a JPEG


class ToolBench:
    """Makes calls through the registry; what goes wrong with one call is its outcome."""

    def __init__(
        self,
        registry: Registry,
        store: "ImageStore",
        examples: Mapping[str, str] | None = None,
        draw: Draw | None = None,
    ) -> None:
        self._registry = registry
        self._store = store
        self._draw = draw
        self._examples = examples or {}
        self._progress = Progress()

    @classmethod
    def of(cls, tools: "Workbench", examples: Mapping[str, str], overlays: bool) -> "ToolBench":
        """The bench over the tools of a command line."""
        from agent.batch.picture import draw_count

        return cls(tools.registry, tools.store, examples, draw_count if overlays else None)

    def load(self, photo: PhotoRef) -> "Photo":
        """See Bench."""
        from segmentation.photo import MAX_BYTES

        if is_url(photo.uri):
            return self._store.add(read_url(photo.uri, MAX_BYTES), photo.uri)
        return self._store.add(photo.uri)

    def run(self, photo: "Photo", calls: Sequence[Call]) -> list[Outcome]:
        """See Bench."""
        outcomes = [self._call(photo, call) for call in calls]
        give_back()
        return outcomes

    def draw(self, photo: "Photo", outcome: Outcome) -> Outcome:
        """See Bench."""
        if self._draw is None or outcome.record is None or outcome.call.tool != "count":
            return outcome
        record = CountRecord.model_validate_json(outcome.record)
        try:
            return replace(outcome, picture=self._draw(photo, record))
        except Exception:  # the count stands without its picture
            logger.exception("no picture of %s", photo.name)
            return outcome

    def give_up(self) -> None:
        """See Bench."""
        self._progress.cancelled.set()

    def _call(self, photo: "Photo", call: Call) -> Outcome:
        try:
            for id, path in self._examples.items():
                if id in call.arguments:
                    self._store.add(path)  # the store may have dropped it since the last photo
            record = self._registry.get(call.tool).call({"image": photo.id, **call.plain()}, self._progress)
        except ShelfError as error:
            return Outcome(call, None, str(error))
        except Exception as error:  # one call must not end a batch; the log keeps the traceback
            logger.exception("%s on %s", call.tool, photo.name)
            return Outcome(call, None, f"internal error ({type(error).__name__}): {error}")
        return Outcome(call, record.model_dump_json())


def open_bench(checkpoint: str | None, examples: Mapping[str, str], overlays: bool, fingerprint: str) -> ToolBench:
    """A bench with a model of its own, in whichever process this is called.

    Raises:
        ClusterError: the weights or the version here are not those that the run's tasks are noted under.
    """
    from agent.workbench import open_batch_workbench

    tools = open_batch_workbench(checkpoint)
    if (here := tools.fingerprint()) != fingerprint:
        raise ClusterError(f"this node has the engine {here!r}, and the run has {fingerprint!r}")
    return ToolBench.of(tools, examples, overlays)
