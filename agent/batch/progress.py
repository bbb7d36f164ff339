"""How far a run is: a live bar on a terminal, a line a minute in a log."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

LINE_SECONDS = 60.0


def duration(seconds: float) -> str:
    """'45 s', '12 min', '3 h 05 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


class Pace:
    """Photos per second of this process, and what they mean for the rest."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()
        self.photos = 0
        self.tasks = 0

    def advance(self, tasks: int) -> None:
        """One more photo, with that many tasks."""
        self.photos += 1
        self.tasks += tasks

    def text(self, tasks_left: int) -> str:
        """'0.42 photos/s, 12 min left'."""
        seconds = max(self._clock() - self._began, 1e-9)
        left = f", {duration(seconds / self.tasks * tasks_left)} left" if self.tasks else ""
        return f"{self.photos / seconds:.2f} photos/s{left}"


class Progress:
    """A Watcher that shows what it is told, on standard error."""

    def __init__(
        self,
        stream: TextIO | None = None,
        live: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty() if live is None else live
        self._clock = clock
        self._pace = Pace(clock)
        self._tasks = self._finished = 0
        self._spoken = clock()

    def __enter__(self) -> Self:
        if self._live:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            console = Console(file=self._stream, force_terminal=True)
            self._bar = Bar(*columns, console=console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task("loading the model")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._bar.stop()

    def begin(self, tasks: int, done: int, failed: int) -> None:
        """See Watcher."""
        self._tasks, self._finished = tasks, done + failed
        self._pace = Pace(self._clock)
        if self._live:
            self._bar.update(self._task, total=tasks, completed=done + failed)
        else:
            self._say(f"{tasks} tasks, {done} done, {failed} failed before")

    def advance(self, photo: str, done: int, failed: int) -> None:
        """See Watcher."""
        self._pace.advance(done + failed - self._finished)
        self._finished = done + failed
        failures = f", {failed} failed" if failed else ""
        pace = self._pace.text(self._tasks - self._finished)
        if self._live:
            from rich.markup import escape

            text = f"{pace}{failures} · {escape(photo[-40:])}"
            self._bar.update(self._task, completed=self._finished, description=text)
        elif self._clock() - self._spoken >= LINE_SECONDS:
            self._say(f"{done} of {self._tasks} done{failures}, {pace}")

    def _say(self, text: str) -> None:
        self._spoken = self._clock()
        self._stream.write(text + "\n")
        self._stream.flush()
