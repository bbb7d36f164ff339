"""One row of the results: a photo, a call, and how it ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from agent.batch.call import Call
from agent.batch.folder import RunFolder
from agent.batch.journal import JournalReader, State
from agent.batch.photos import PhotoRef
from agent.batch.plan import Plan
from tools.records import CountRecord


@dataclass(frozen=True)
class Row:
    """Exactly one of `record` and `error` is given. `picture` is a path below the output folder."""

    photo: PhotoRef
    sentence: str
    call: Call
    task: str
    record: dict[str, Any] | None
    error: str | None
    picture: str | None

    @property
    def counted(self) -> bool:
        """Whether the row belongs into tables of counts: it was a count, or was to become one."""
        return self.call.tool == "count"

    def count(self) -> CountRecord | None:
        """The record of a count."""
        return CountRecord.model_validate(self.record) if self.record and self.counted else None


class RowWriter(Protocol):
    """Writes one format. `count` is the row's record when it is a count that succeeded."""

    def add(self, row: Row, count: CountRecord | None) -> None:
        """Take the next row; rows come grouped by photo, in the order of the plan."""
        ...

    def close(self) -> None:
        """Write what can only be written at the end."""
        ...


def rows(plan: Plan, folder: RunFolder, engine: str, state: State, reader: JournalReader) -> Iterator[Row]:
    """The rows of a finished plan, in its order."""
    for group in plan.groups:
        for ask in group.asks:
            task = state.task(group.photo.uri, ask.call, engine)
            entry = reader.result(task) or {"error": "not done"}
            overlay = folder.overlay(task)
            picture = overlay.relative_to(folder.path).as_posix() if overlay.exists() else None
            yield Row(group.photo, ask.sentence, ask.call, task, entry.get("record"), entry.get("error"), picture)
