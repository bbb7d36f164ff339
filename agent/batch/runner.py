"""A run from its first to its last task: what is left, the engine at work, the journal, the results."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event
from typing import Literal, Protocol

from agent.batch.errors import StorageError
from agent.batch.folder import Job, RunFolder, Start
from agent.batch.journal import FATAL_DEATHS, Journal, Result, Seen, task_id, unread
from agent.batch.plan import Group, Plan
from agent.batch.results.writer import write_results
from agent.batch.work import Engine, Finished, Work, lost
from tools.records import Frozen

Ending = Literal["complete", "interrupted", "too many errors"]


class Summary(Frozen):
    """How a run stands when a process leaves it. `fresh` and `seconds` are of this process alone."""

    ending: Ending
    photos: int
    tasks: int
    done: int
    failed: int
    fresh: int
    seconds: float


class Watcher(Protocol):
    """Is told how the run goes."""

    def begin(self, tasks: int, done: int, failed: int) -> None:
        """Before the first photo: how much there is and how much of it is finished already."""
        ...

    def advance(self, photo: str, done: int, failed: int) -> None:
        """After each photo: the totals of the whole run."""
        ...


@dataclass(frozen=True)
class Choices:
    """How a run is to be started, and when it is to give up."""

    start: Start = "fresh"
    retry_failed: bool = False
    max_errors: int | None = None


def run_batch(
    plan: Plan,
    job: Job,
    folder: RunFolder,
    make_engine: Callable[[], Engine],
    watcher: Watcher,
    choices: Choices,
    stop: Event,
) -> Summary:
    """Do what is left of a plan, then write the results.

    Args:
        plan: all of the work.
        job: what the run is started with; its engine fingerprint goes into every task id.
        folder: where the journal and the results are.
        make_engine: called once the folder is known to be usable; loading a model takes a while.
        watcher: is told of the progress.
        choices: fresh start or not, retries, the limit of errors.
        stop: set it to end the run after the photos in work.

    Raises:
        RunRefused: the folder holds another run, or another process works on it.
        StorageError: something cannot be written; the journal stays valid.
    """
    with folder.hold():
        if choices.start == "new":
            folder.set_aside()
        known = folder.job()
        folder.begin(job, choices.start, known)
        try:
            journal = Journal(folder.journal, folder.disk)
            try:
                return _Run(plan, job, folder, journal, watcher, choices, stop).go(make_engine)
            except (Exception, KeyboardInterrupt):
                journal.abandon()
                raise
            finally:
                journal.close()
        except StorageError as error:
            raise StorageError(
                f"{folder.path}: {error}; what is done is safe: mend the disk, then go on with --resume"
            ) from error


class _Run:
    def __init__(
        self,
        plan: Plan,
        job: Job,
        folder: RunFolder,
        journal: Journal,
        watcher: Watcher,
        choices: Choices,
        stop: Event,
    ) -> None:
        self._plan = plan
        self._job = job
        self._folder = folder
        self._journal = journal
        self._watcher = watcher
        self._choices = choices
        self._stop = stop
        self._began = time.monotonic()
        self._done = self._failed = self._fresh = 0
        self._new_failures = 0

    def go(self, make_engine: Callable[[], Engine]) -> Summary:
        todo = self._todo()
        standing = [self._standing(group) for group in self._plan.groups]
        self._done = sum(done for done, _ in standing)
        self._failed = sum(failed for _, failed in standing)
        self._watcher.begin(self._plan.tasks, self._done, self._failed)
        if todo:
            groups = {group.photo.uri: group for group in self._plan.groups}
            for finished in make_engine().work(todo, self._start, self._stop):
                self._take(finished, groups[finished.photo.uri])
        self._journal.stop()
        if self._done + self._failed < self._plan.tasks:
            return self._summary("too many errors" if self._too_many() else "interrupted")
        with self._journal.reader() as reader:
            write_results(self._plan, self._folder, self._job.engine, self._journal.state, reader)
        return self._summary("complete")

    def _todo(self) -> list[Work]:
        """What is left: photos beside which a process died come last, the latest death first."""
        suspects = self._journal.state.suspects
        alone: dict[str, Work] = {}
        todo = []
        for group in self._plan.groups:
            work = self._left(group)
            if work is None:
                continue
            deaths = suspects.get(group.photo.uri, 0)
            if deaths >= FATAL_DEATHS and not self._choices.retry_failed:
                self._finish(lost(work, f"the process died {deaths} times in a row while it worked on this photo"))
            elif deaths:
                alone[group.photo.uri] = replace(work, alone=True)
            else:
                todo.append(work)
        return todo + [alone[uri] for uri in reversed(list(suspects)) if uri in alone]

    def _left(self, group: Group) -> Work | None:
        state, photo = self._journal.state, group.photo
        every = tuple(ask.call for ask in group.asks)
        seen = state.photos.get(photo.uri)
        if seen is None:
            return Work(photo, every)
        left = tuple(call for call in every if self._is_left(state.task(photo.uri, call, self._job.engine)))
        if seen.stamp == photo.stamp:
            return Work(photo, left) if left else None
        return Work(photo, every, known=(seen.sha256, left) if seen.sha256 else None)

    def _is_left(self, task: str) -> bool:
        state = self._journal.state
        return task not in state.done and (self._choices.retry_failed or task not in state.failed)

    def _standing(self, group: Group) -> tuple[int, int]:
        """How many tasks of a photo are done and how many failed."""
        state, photo = self._journal.state, group.photo
        seen = state.photos.get(photo.uri)
        if seen is None or seen.stamp != photo.stamp:
            return 0, 0
        tasks = [state.task(photo.uri, ask.call, self._job.engine) for ask in group.asks]
        return sum(task in state.done for task in tasks), sum(task in state.failed for task in tasks)

    def _start(self, work: Work) -> None:
        self._journal.start(work.photo.uri)

    def _take(self, finished: Finished, group: Group) -> None:
        done, failed = self._standing(group)
        self._finish(finished)
        now_done, now_failed = self._standing(group)
        self._done += now_done - done
        self._failed += now_failed - failed
        self._new_failures += sum(outcome.record is None for outcome in finished.outcomes)
        self._watcher.advance(finished.photo.name, self._done, self._failed)
        if self._too_many():
            self._stop.set()

    def _finish(self, finished: Finished) -> None:
        """The pictures first: a task that the journal calls done has its picture."""
        photo, state = finished.photo, self._journal.state
        content = finished.sha256 or unread(photo.uri, photo.stamp)
        results = []
        for outcome in finished.outcomes:
            task = task_id(content, outcome.call, self._job.engine)
            if outcome.picture and task not in state.done:
                self._folder.disk.put(self._folder.overlay(task), outcome.picture)
            results.append(Result(task, outcome.record, outcome.error))
        self._fresh += self._journal.finish(photo.uri, Seen(photo.stamp, finished.sha256), results)

    def _too_many(self) -> bool:
        limit = self._choices.max_errors
        return limit is not None and self._new_failures > limit

    def _summary(self, ending: Ending) -> Summary:
        return Summary(
            ending=ending,
            photos=len(self._plan.groups),
            tasks=self._plan.tasks,
            done=self._done,
            failed=self._failed,
            fresh=self._fresh,
            seconds=round(time.monotonic() - self._began, 3),
        )
