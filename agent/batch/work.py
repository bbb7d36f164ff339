"""What goes into an engine and what comes out: a photo with its calls, and what became of each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, Protocol

from agent.batch.call import Call
from agent.batch.photos import PhotoRef

LANES = 2  # photos that one model counts at once, unless told otherwise


@dataclass(frozen=True, slots=True)
class Work:
    """One photo and the calls to be made on it.

    `known` is set for a file that was read before and has another time stamp now: the hash it had, and the
    calls that are left if it still has it. `alone` is set when a process died with this photo in work:
    nothing else may be in work beside it.
    """

    photo: PhotoRef
    calls: tuple[Call, ...]
    known: tuple[str, tuple[Call, ...]] | None = None
    alone: bool = False

    def calls_for(self, sha256: str) -> tuple[Call, ...]:
        """The calls to be made when the content of the photo has this hash."""
        return self.known[1] if self.known and self.known[0] == sha256 else self.calls


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call: a record as JSON text, or an error; and its picture, a JPEG."""

    call: Call
    record: str | None
    error: str | None = None
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A photo with all its outcomes. `sha256` is None when the photo could not be read."""

    photo: PhotoRef
    sha256: str | None
    outcomes: tuple[Outcome, ...]


class Bench(Protocol):
    """Everything a worker needs: one of them per process, with one model in it."""

    def load(self, photo: PhotoRef) -> Any:
        """Read and decode a photo; the result has its content hash as `sha256`. Called from several threads.

        Raises:
            ShelfError: it cannot be read.
        """
        ...

    def run(self, photo: Any, calls: Sequence[Call]) -> list[Outcome]:
        """Make the calls on a loaded photo. Called from several threads, for several photos."""
        ...

    def draw(self, photo: Any, outcome: Outcome) -> Outcome:
        """The outcome with its picture, where it has one. Called from another thread."""
        ...

    def give_up(self) -> None:
        """Nobody waits for the calls any more: those that run end as soon as they can, in any way."""
        ...


class Engine(Protocol):
    """Does work, in any order, and keeps nothing."""

    def work(self, todo: Iterable[Work], started: Callable[[Work], None], stop: Event) -> Iterator[Finished]:
        """Yield each photo when it is finished.

        Args:
            todo: taken from only as fast as work is done.
            started: called in the caller's thread before a photo is touched.
            stop: once set, what is in work is finished and nothing else is begun.
        """
        ...


def lost(work: Work, error: str) -> Finished:
    """The end of a photo that could not be worked on at all."""
    return Finished(work.photo, None, tuple(Outcome(call, None, error) for call in work.calls))
