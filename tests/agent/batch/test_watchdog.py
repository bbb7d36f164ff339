"""The Ray engine's own decisions, on a Ray that answers as a test says and on a clock of its own."""

import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from agent.batch import cluster
from agent.batch.call import Call
from agent.batch.cluster import ATTEMPTS, RayEngine, Worker
from agent.batch.errors import ClusterError
from agent.batch.photos import PhotoRef
from agent.batch.work import Finished, Outcome, Work
from tests.agent.batch.fakes import FakeBench, Loaded, photos

CALL = Call.of("count", {"target": "cans"})
PATIENCE = 10.0


class Gone(Exception):
    """What Ray raises for an actor that died."""


class TaskFailed(Gone):
    """What Ray raises for something that an actor raised."""


@dataclass(eq=False)
class Actor:
    """Answers once, or never: None stands for silence."""

    number: int
    options: dict[str, Any]
    ray: "FakeRay"
    in_work: int = 0

    @property
    def ready(self) -> Any:
        return SimpleNamespace(remote=lambda: Reference(self, self.ray.opening(self.number)))

    @property
    def run(self) -> Any:
        def remote(work: Work) -> Reference:
            self.in_work += 1
            self.ray.most = max(self.ray.most, self.in_work)
            return Reference(self, self.ray.answer(work), is_photo=True)

        return SimpleNamespace(remote=remote)


@dataclass(eq=False)
class Reference:
    actor: Actor
    answer: Any
    is_photo: bool = False
    number: int = field(default_factory=itertools.count().__next__)  # who is asked first answers first


@dataclass
class FakeRay:
    """Each look at what is ready takes a second."""

    opening: Callable[[int], Any] = lambda number: True
    answer: Callable[[Work], Any] = lambda work: done(work)
    now: float = 0.0
    most: int = 0  # photos that an actor had in work
    hired: list[Actor] = field(default_factory=list)
    killed: list[int] = field(default_factory=list)
    exceptions: ClassVar = SimpleNamespace(RayError=Gone, RayTaskError=TaskFailed)

    def remote(self, worker: type) -> Any:
        assert worker is Worker
        return SimpleNamespace(options=lambda **options: SimpleNamespace(remote=lambda *_: self._hire(options)))

    def _hire(self, options: dict[str, Any]) -> Actor:
        self.hired.append(Actor(len(self.hired), options, self))
        return self.hired[-1]

    def wait(
        self, references: Sequence[Reference], num_returns: int, timeout: float
    ) -> tuple[list[Reference], list[Reference]]:
        self.now += 1.0
        ready = sorted((each for each in references if each.answer is not None), key=lambda each: each.number)
        ready = ready[:num_returns]
        return ready, [each for each in references if each not in ready]

    def get(self, reference: Reference) -> Any:
        reference.actor.in_work -= reference.is_photo
        if isinstance(reference.answer, Exception):
            raise reference.answer
        return reference.answer

    def kill(self, actor: Actor) -> None:
        self.killed.append(actor.number)

    def shutdown(self) -> None:
        """Nothing to end."""


def done(work: Work) -> Finished:
    return Finished(work.photo, "hash", (Outcome(CALL, "{}"),))


def works(number: int) -> list[Work]:
    return [Work(PhotoRef(f"{index}.jpg", f"{index}.jpg", "1"), (CALL,)) for index in range(number)]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Finished]]:
    def call(ray: FakeRay, number: int, workers: int = 1, stop: Event | None = None, **options: Any) -> list[Finished]:
        monkeypatch.setattr(cluster, "connect", lambda address: ray)
        monkeypatch.setattr(cluster, "time", SimpleNamespace(monotonic=lambda: ray.now))
        engine = RayEngine(FakeBench, workers=workers, patience=PATIENCE, **options)
        return list(engine.work(works(number), lambda work: None, stop or Event()))

    return call


def errors(finished: list[Finished]) -> dict[str, str]:
    return {each.photo.name: each.outcomes[0].error for each in finished if each.outcomes[0].error}


def test_a_photo_that_never_ends_becomes_a_row_and_the_others_are_done(run: Callable[..., list[Finished]]) -> None:
    ray = FakeRay(answer=lambda work: None if work.photo.name == "1.jpg" else done(work))

    finished = run(ray, 6)

    assert len(finished) == 6
    assert list(errors(finished)) == ["1.jpg"]
    assert f"the worker died {ATTEMPTS} times on this photo (silent for " in errors(finished)["1.jpg"]
    assert len(ray.killed) == 1 + ATTEMPTS  # once beside others, then alone


def test_silence_about_one_photo_is_noticed_while_its_actor_answers_for_others(
    run: Callable[..., list[Finished]],
) -> None:
    answered: list[str] = []
    first_kill: list[int] = []

    def answer(work: Work) -> Any:
        answered.append(work.photo.name)
        if ray.killed and not first_kill:
            first_kill.append(len(answered))
        return None if work.photo.name == "0.jpg" else done(work)

    ray = FakeRay(answer=answer)

    assert len(run(ray, 100)) == 100
    assert first_kill[0] <= PATIENCE + 5  # an answer a second


def test_an_actor_that_waits_for_a_node_does_not_end_a_run_that_goes_on_without_it(
    run: Callable[..., list[Finished]],
) -> None:
    ray = FakeRay(opening=lambda number: True if number == 0 else None)

    finished = run(ray, 200, workers=2)

    assert ray.now > ATTEMPTS * PATIENCE
    assert (len(finished), errors(finished)) == (200, {})


def test_a_worker_that_fails_to_start_is_left_out_where_others_work(
    run: Callable[..., list[Finished]], caplog: pytest.LogCaptureFixture
) -> None:
    ray = FakeRay(opening=lambda number: True if number == 0 else TaskFailed("no weights on this node"))

    assert len(run(ray, 20, workers=2)) == 20
    assert len(ray.hired) == 1 + ATTEMPTS
    assert "one worker less: it cannot be started (TaskFailed: no weights on this node)" in caplog.text


@pytest.mark.parametrize("opening", [TaskFailed("no weights"), None])
def test_a_cluster_on_which_nothing_starts_ends_the_run(
    run: Callable[..., list[Finished]], opening: Exception | None
) -> None:
    ray = FakeRay(opening=lambda number: opening)

    with pytest.raises(ClusterError, match="no worker can be started: "):
        run(ray, 2, workers=2)

    assert ray.now <= ATTEMPTS * (PATIENCE + 2)


def test_a_run_that_is_stopped_before_its_actors_are_there_ends(run: Callable[..., list[Finished]]) -> None:
    stop = Event()
    stop.set()

    assert run(FakeRay(opening=lambda number: None), 5, stop=stop) == []


@pytest.mark.parametrize("lanes", [1, 4])
def test_an_actor_has_the_photos_it_counts_and_one_to_decode(run: Callable[..., list[Finished]], lanes: int) -> None:
    ray = FakeRay()

    run(ray, 20, lanes=lanes)

    assert ray.most == ray.hired[0].options["max_concurrency"] == lanes + 1


@pytest.mark.parametrize("lanes", [1, 3])
def test_an_actor_counts_as_many_photos_at_once_as_it_has_lanes(tmp_path: Path, lanes: int) -> None:
    """The first photos wait for each other: with fewer lanes this would never end."""
    together = threading.Barrier(lanes, timeout=20)
    lock, now, most, begun = threading.Lock(), 0, 0, 0

    class Meeting(FakeBench):
        def run(self, photo: Loaded, calls: Sequence[Call]) -> list[Outcome]:
            nonlocal now, most, begun
            with lock:
                now, begun = now + 1, begun + 1
                most = max(most, now)
                waits = begun <= lanes
            if waits:
                together.wait()
            outcomes = super().run(photo, calls)
            with lock:
                now -= 1
            return outcomes

    worker = Worker(Meeting, lanes)
    todo = [Work(PhotoRef(path.name, str(path), "1"), (CALL,)) for path in photos(tmp_path, 3 * lanes)]
    with ThreadPoolExecutor(lanes + 1) as slots:
        finished = list(slots.map(worker.run, todo))

    assert [each.photo.name for each in finished] == [work.photo.name for work in todo]
    assert most == lanes
