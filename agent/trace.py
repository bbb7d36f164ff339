"""What happened in each turn, one JSON line per event: for looking back and for `shelf replay`.

Written: the request, the calls with their arguments, hashes and counts of the records, times, tokens, model
names. Not written: keys, pixels, masks, words read on a photo.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from agent.errors import AgentError
from agent.planner import Planners
from agent.request import Request
from agent.settings import Settings
from agent.turn import Turn
from segmentation.errors import DataError
from tools.records import CountRecord, Frozen, Record
from tools.registry import Progress


class TracedPhoto(Frozen):
    """A photo by its id, which is made from its bytes, and the path under which it was given."""

    id: str
    path: str


class RequestEvent(Frozen):
    """What the user said, with the photos of the session."""

    event: Literal["request"] = "request"
    time: str
    text: str
    photos: tuple[TracedPhoto, ...]


class CallEvent(Frozen):
    """One tool call and the hash of what came back."""

    event: Literal["call"] = "call"
    tool: str
    arguments: dict[str, Any]
    record: str | None = None
    count: int | None = None
    model: str | None = None
    error: str | None = None
    seconds: float = 0.0


class AnswerEvent(Frozen):
    """What was answered; ends the turn."""

    event: Literal["answer"] = "answer"
    planner: str
    text: str
    notices: tuple[str, ...]
    seconds: float
    tokens: int


class ErrorEvent(Frozen):
    """A turn that ended without an answer."""

    event: Literal["error"] = "error"
    text: str


Event = Annotated[RequestEvent | CallEvent | AnswerEvent | ErrorEvent, Field(discriminator="event")]
_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def record_hash(record: Record) -> str:
    """A hash of everything in a record but its times, which differ from run to run."""
    data = record.model_dump(mode="json", exclude={"seconds"})
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def events(turn: Turn) -> Iterator[Event]:
    """The calls of a turn and its answer."""
    for call in turn.calls:
        record = turn.records[call.record] if call.record is not None else None
        counted = record if isinstance(record, CountRecord) else None
        yield CallEvent(
            tool=call.tool,
            arguments=call.arguments,
            record=record_hash(record) if record else None,
            count=counted.count if counted else None,
            model=counted.model.sha256 if counted else None,
            error=call.error,
            seconds=call.seconds,
        )
    yield AnswerEvent(
        planner=turn.planner, text=turn.answer, notices=turn.notices, seconds=turn.seconds, tokens=turn.tokens
    )


class Trace:
    """A file that grows turn by turn. A place that cannot be written to ends the trace, not the turn."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    @classmethod
    def fresh(cls, settings: Settings, name: str) -> "Trace":
        """A new trace in the home folder, named by the time so that names sort; none when switched off."""
        folder = settings.home.expanduser() / "traces"
        return cls(folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{name}.jsonl" if settings.trace else None)

    def ask(
        self,
        planners: Planners,
        request: Request,
        paths: Mapping[str, Path],
        progress: Progress,
        thread: str = "",
    ) -> Turn:
        """Ask and write down what happened.

        Raises:
            AgentError: as the planner raises it.
        """
        photos = tuple(TracedPhoto(id=photo.id, path=str(paths[photo.id])) for photo in request.photos)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._write([RequestEvent(time=now, text=request.text, photos=photos)])
        try:
            turn = planners.ask(request, progress, thread)
        except AgentError as error:
            self._write([ErrorEvent(text=str(error))])
            raise
        self._write(list(events(turn)))
        return turn

    def _write(self, lines: list[Event]) -> None:
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():
                self.path.touch(mode=0o600)
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(line.model_dump_json() + "\n" for line in lines)
        except OSError:
            self.path = None


def read_trace(path: Path) -> list[Event]:
    """The events of a trace file.

    Raises:
        DataError: naming the line that is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as a trace") from error
    read = []
    for number, line in enumerate(lines, start=1):
        try:
            read.append(_EVENT.validate_json(line))
        except ValidationError as error:
            if number == len(lines):  # the last line of a run that was killed
                break
            raise DataError(f"{path.name}, line {number}: no event of a trace") from error
    return read
