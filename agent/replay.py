"""A trace run again without a language model: the same calls, and what came back differently."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from agent.trace import CallEvent, Event, RequestEvent, record_hash
from agent.workbench import Workbench
from segmentation.errors import ShelfError
from tools.records import CountRecord, Frozen


class Replayed(Frozen):
    """One call of a trace, run again. `difference` is empty when nothing changed."""

    tool: str
    target: str
    difference: str = ""


def replay(trace: Sequence[Event], bench: Workbench, locate: Callable[[str], Path] = Path) -> Iterator[Replayed]:
    """Run the calls of a trace. `locate` finds a photo whose path has changed."""
    changed: dict[str, str] = {}
    for event in trace:
        if isinstance(event, RequestEvent):
            for photo in event.photos:
                try:
                    found = bench.add(locate(photo.path))
                except ShelfError as error:
                    changed[photo.id] = str(error)
                    continue
                if found.id != photo.id:
                    changed[photo.id] = f"{photo.path} is another photo now"
        elif isinstance(event, CallEvent):
            target = str(event.arguments.get("target", ""))
            yield Replayed(tool=event.tool, target=target, difference=_again(event, bench, changed))


def _again(event: CallEvent, bench: Workbench, changed: dict[str, str]) -> str:
    """What differs, in words."""
    image = str(event.arguments.get("image", ""))
    if image in changed:
        return changed[image]
    try:
        record = bench.registry.get(event.tool).call(event.arguments)
    except ShelfError as error:
        return "" if event.error else f"was answered, now fails: {error}"
    if event.error:
        return f"failed ({event.error}), is answered now"
    if record_hash(record) == event.record:
        return ""
    if isinstance(record, CountRecord):
        if event.model != record.model.sha256:
            return f"other weights; count {event.count}, now {record.count}"
        if event.count != record.count:
            return f"count {event.count}, now {record.count}"
    return "same count, other details" if event.count is not None else "another record"
