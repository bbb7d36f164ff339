"""Work waits here for the few threads that may compute: bounded, fair between clients, with deadlines.

The model uses all cores for one photo, so more threads would only share them. A client that sends a hundred
requests waits for its own hundred: the others are served in between.
"""

import asyncio
import logging
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from tools.errors import Cancelled
from tools.heap import give_back
from tools.registry import Progress
from tools.serving.failure import Busy, Stopping, TooLate

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(eq=False)
class _Job(Generic[T]):
    client: str
    work: Callable[[Progress], T]
    progress: Progress
    future: "Future[T]" = field(default_factory=Future)

    def finish(self, result: T) -> None:
        """Hand the result to the one who waits."""
        with suppress(InvalidStateError):  # told before that the server stops
            self.future.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Hand the error to the one who waits."""
        with suppress(InvalidStateError):
            self.future.set_exception(error)


class WorkQueue:
    """Threads that take jobs in turn from each client that has any.

    Args:
        workers: jobs that run at once.
        capacity: jobs that may wait; half of them at most for one client.
    """

    def __init__(self, name: str, workers: int = 1, capacity: int = 32) -> None:
        self._capacity = capacity
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[_Job[Any]]] = OrderedDict()
        self._running: set[_Job[Any]] = set()
        self._stopping = False
        self._ends = math.inf
        self._mean_seconds = 1.0
        self._threads = [
            threading.Thread(target=self._serve, name=f"{name}-{number}", daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def depth(self) -> int:
        """Jobs that wait."""
        with self._changed:
            return self._depth()

    @property
    def running(self) -> int:
        """Jobs that run."""
        with self._changed:
            return len(self._running)

    @property
    def stopping(self) -> bool:
        """Whether new work is refused for good."""
        return self._stopping

    async def run(
        self,
        client: str,
        work: Callable[[Progress], T],
        seconds: float,
        report: Callable[[str, float], None] | None = None,
    ) -> T:
        """Wait for a result; when the waiting ends early, the work is told to stop.

        Raises:
            Busy: the queue is full.
            TooLate: no result within `seconds`.
            Stopping: the server is shutting down.
        """
        job = self._submit(_Job(client, work, _stoppable(report)))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(job.future), seconds)
        except TimeoutError:
            raise TooLate(f"no result within {seconds:g} s") from None
        finally:
            self._abandon(job)

    def stop(self, grace: float) -> None:
        """Refuse new work, let what runs finish for `grace` seconds, then tell it to stop.

        A second call may shorten the grace of a first one that is still waiting.
        """
        with self._changed:
            self._stopping = True
            self._ends = min(self._ends, time.monotonic() + grace)
            waiting = [job for jobs in self._waiting.values() for job in jobs]
            self._waiting.clear()
            self._changed.notify_all()
        for job in waiting:
            job.fail(Stopping("the server is shutting down"))
        for thread in self._threads:
            while thread.is_alive() and (left := self._ends - time.monotonic()) > 0:
                thread.join(min(left, 0.05))
        with self._changed:
            late = tuple(self._running)
        for job in late:
            job.progress.cancelled.set()
            job.fail(Stopping("the server is shutting down"))  # now: it may be long until its next stage

    def _depth(self) -> int:
        return sum(len(jobs) for jobs in self._waiting.values())

    def _submit(self, job: _Job[T]) -> _Job[T]:
        with self._changed:
            if self._stopping:
                raise Stopping("the server is shutting down")
            own = len(self._waiting.get(job.client, ()))
            depth = self._depth()
            if depth >= self._capacity or own >= max(1, self._capacity // 2):
                seconds = (depth + 1) * self._mean_seconds / len(self._threads)
                raise Busy("too much work is waiting", min(60, max(1, math.ceil(seconds))))
            self._waiting.setdefault(job.client, deque()).append(job)
            self._changed.notify()
        return job

    def _abandon(self, job: _Job[Any]) -> None:
        """Nobody waits for this job any more."""
        with self._changed:
            jobs = self._waiting.get(job.client)
            if jobs is not None and job in jobs:
                jobs.remove(job)
                if not jobs:
                    del self._waiting[job.client]
        job.progress.cancelled.set()

    def _next(self) -> _Job[Any] | None:
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            if not self._waiting:
                return None
            client, jobs = self._waiting.popitem(last=False)
            job = jobs.popleft()
            if jobs:
                self._waiting[client] = jobs  # behind all other clients
            self._running.add(job)
            return job

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            started = time.monotonic()
            try:
                if job.future.set_running_or_notify_cancel():
                    job.finish(job.work(job.progress))
            except BaseException as error:  # whatever it is, it belongs to the one who waits
                job.fail(error)
            give_back()
            with self._changed:
                self._running.discard(job)
                self._mean_seconds += 0.2 * (time.monotonic() - started - self._mean_seconds)


def _stoppable(report: Callable[[str, float], None] | None) -> Progress:
    """Progress that ends the work at its next stage once nobody waits for it."""
    cancelled = threading.Event()

    def checked(stage: str, fraction: float) -> None:
        if cancelled.is_set():
            raise Cancelled("nobody waits for this work any more")
        if report is not None:
            report(stage, fraction)

    return Progress(checked, cancelled)
