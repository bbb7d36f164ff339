"""The engine on a Ray cluster (extra `ray`): paths travel, not pixels; one model per actor.

Actors and not Ray Data: its tolerance for lost blocks can end in an endless wait when an actor dies
(ray-project/ray issue 62746), and here a photo that kills its actor must end as a row. Ray only executes;
what is done is known by the journal of the driver, so a killed driver resumes on any engine.

Each actor has one photo more than it counts at once, and decodes it meanwhile. When it dies, all of them are suspect
and are run again, each alone on an actor; a photo whose actor died `ATTEMPTS` times while it was alone becomes an
error row. An actor that keeps a photo for `patience` seconds is killed and counts as dead. Nodes may come and go.
"""

import ipaddress
import logging
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from importlib import import_module
from threading import Event
from typing import Any

from agent.batch.errors import ClusterError
from agent.batch.steps import count, draw
from agent.batch.work import LANES, Bench, Finished, Work, lost
from segmentation.printable import printable

logger = logging.getLogger(__name__)

ATTEMPTS = 3
PATIENCE_SECONDS = 900.0  # no photo takes that long; loading a model from a slow disk may take a part of it


class Worker:
    """What lives in an actor: one bench, and as many lanes as photos are counted at once."""

    def __init__(self, make_bench: Callable[[], Bench], lanes: int) -> None:
        self._bench = make_bench()
        self._lanes = threading.BoundedSemaphore(lanes)

    def ready(self) -> None:
        """Returns when the model is loaded."""

    def run(self, work: Work) -> Finished:
        """Load, count and draw one photo."""
        loading: Future[Any] = Future()
        try:
            loading.set_result(self._bench.load(work.photo))
        except Exception as error:  # `count` tells them apart, as on every engine
            loading.set_exception(error)
        with self._lanes:
            photo, finished = count(self._bench, work, loading.result)
        return draw(self._bench, photo, finished)


@dataclass(eq=False)
class _Seat:
    """An actor and what it has in work; `exclusive` while that is a suspect."""

    actor: Any
    opening: Any  # the reference that is answered when the model is loaded
    hired: float
    failures: int  # openings of this seat that failed in a row
    open: bool = False
    exclusive: bool = False
    work: dict[Any, Work] = field(default_factory=dict)
    begun: dict[Any, float] = field(default_factory=dict)

    def silent(self, now: float) -> float:
        """Seconds that it has been loading its model, or has had the oldest of its photos."""
        return now - (min(self.begun.values(), default=now) if self.open else self.hired)

    def take(self, reference: Any) -> Work:
        """The photo that this answer is about; it is no longer in work."""
        self.exclusive = False
        del self.begun[reference]
        return self.work.pop(reference)


class RayEngine:
    """Keeps a fixed number of actors busy and replaces those that die.

    Args:
        make_bench: called in each actor; it travels, so it must hold little.
        address: of a cluster; None starts one on this machine.
        workers: actors; by default one per CPU, or as many as fit on the GPUs.
        gpus: of each actor; may be a fraction.
        lanes: photos that each actor counts at once; their views share encoder batches.
        patience: seconds that an actor may keep a photo, or load its model.
    """

    def __init__(
        self,
        make_bench: Callable[[], Bench],
        address: str | None = None,
        workers: int | None = None,
        gpus: float = 0,
        lanes: int = LANES,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._make_bench = make_bench
        self._address = address
        self._workers = workers
        self._gpus = gpus
        self._lanes = lanes
        self._patience = patience

    def work(self, todo: Iterable[Work], started: Callable[[Work], None], stop: Event) -> Iterator[Finished]:
        """See Engine.

        Raises:
            ClusterError: Ray is missing or unsafe, or no actor can be started.
        """
        ray = connect(self._address)
        try:
            yield from _Shift(ray, self, todo, started, stop).work()
        finally:
            ray.shutdown()

    def actors(self, ray: Any) -> int:
        """How many actors to keep."""
        if self._workers:
            return self._workers
        resources = ray.cluster_resources()
        found = resources.get("GPU", 0) / self._gpus if self._gpus else resources.get("CPU", 1)
        return max(1, int(found))

    def hire(self, ray: Any) -> Any:
        """A new actor."""
        # An actor that Ray restarted by itself would take its photos up again unseen.
        options = {"num_cpus": 1, "num_gpus": self._gpus, "max_concurrency": self.slots, "max_restarts": 0}
        return ray.remote(Worker).options(**options).remote(self._make_bench, self._lanes)

    @property
    def slots(self) -> int:
        """Photos that an actor has in work: those that it counts, and one that it decodes meanwhile."""
        return self._lanes + 1

    @property
    def patience(self) -> float:
        """Seconds that an actor may keep a photo, or load its model."""
        return self._patience


class _Shift:
    """One call of RayEngine.work: the seats, the queue, and who is suspect."""

    def __init__(
        self, ray: Any, engine: RayEngine, todo: Iterable[Work], started: Callable[[Work], None], stop: Event
    ) -> None:
        self._ray = ray
        self._engine = engine
        self._queue = iter(todo)
        self._started = started
        self._stop = stop
        self._suspects: deque[Work] = deque()
        self._deaths: Counter[str] = Counter()
        self._seats = [self._seat() for _ in range(engine.actors(ray))]

    def work(self) -> Iterator[Finished]:
        while True:
            for seat in self._seats:
                self._fill(seat)
            # An open seat without work found none: nothing is left, or the run is to stop.
            idle = not any(seat.work for seat in self._seats)
            if idle and (self._stop.is_set() or any(seat.open for seat in self._seats)):
                return
            waiting = [ref for seat in self._seats for ref in (seat.work if seat.open else (seat.opening,))]
            ready, _ = self._ray.wait(waiting, num_returns=1, timeout=1.0)
            for reference in ready:
                if owner := self._owner(reference):
                    yield from self._hear(owner, reference)
            now = time.monotonic()
            for seat in list(self._seats):
                if seat.silent(now) > self._engine.patience:
                    # Where others work, it may wait for a node that left; that is no reason to do without it.
                    waits = not seat.open and any(each.open for each in self._seats)
                    yield from self._bury(seat, f"silent for {seat.silent(now):.0f} s", blamed=not waits)

    def _owner(self, reference: Any) -> _Seat | None:
        """The seat that waits for an answer; None when it was given up meanwhile."""
        owners = (seat for seat in self._seats if reference in seat.work or reference == seat.opening)
        return next(owners, None)

    def _seat(self, failures: int = 0) -> _Seat:
        actor = self._engine.hire(self._ray)
        return _Seat(actor, actor.ready.remote(), time.monotonic(), failures)

    def _next(self) -> Work | None:
        """The next photo that may share its actor; those that may not join the suspects."""
        while (work := next(self._queue, None)) is not None:
            if not work.alone:
                return work
            self._suspects.append(work)
        return None

    def _fill(self, seat: _Seat) -> None:
        while seat.open and not seat.exclusive and len(seat.work) < self._engine.slots and not self._stop.is_set():
            work = self._next()
            if work is None and self._suspects and not seat.work:
                work, seat.exclusive = self._suspects.popleft(), True
            if work is None:
                return
            self._started(work)
            reference = seat.actor.run.remote(work)
            seat.work[reference], seat.begun[reference] = work, time.monotonic()

    def _hear(self, seat: _Seat, reference: Any) -> Iterator[Finished]:
        errors = self._ray.exceptions
        try:
            answer = self._ray.get(reference)
        except errors.RayTaskError as error:
            # The actor lives; something in it raised that no bench should raise.
            if reference == seat.opening:
                yield from self._bury(seat, _reason(error))
            else:
                yield lost(seat.take(reference), f"internal error ({_reason(error)})")
        except errors.RayError as error:  # the actor, its node or its answer is gone
            yield from self._bury(seat, _reason(error))
        else:
            if reference == seat.opening:
                seat.open = True
            else:
                seat.take(reference)
                yield answer

    def _bury(self, seat: _Seat, reason: str, blamed: bool = True) -> Iterator[Finished]:
        """Replace an actor; its photos are suspect, or guilty when one was alone too often.

        A seat whose actors cannot be opened is left out: its node may be at fault, and not the others.
        """
        failures = 0 if seat.open else seat.failures + blamed
        self._ray.kill(seat.actor)
        place = self._seats.index(seat)
        if failures < ATTEMPTS:
            self._seats[place] = self._seat(failures)
        else:
            del self._seats[place]
            if not self._seats:
                raise ClusterError(f"no worker can be started: {reason}")
            logger.warning("one worker less: it cannot be started (%s)", reason)
        for work in seat.work.values():
            self._deaths[work.photo.uri] += seat.exclusive
            if self._deaths[work.photo.uri] >= ATTEMPTS:
                yield lost(work, f"the worker died {ATTEMPTS} times on this photo ({reason})")
            else:
                self._suspects.append(work)


def connect(address: str | None) -> Any:
    """Ray, connected to a cluster or to one started here.

    Raises:
        ClusterError: not installed, no token for a cluster of other machines, or nothing there.
    """
    # Ray reports its use to its makers unless told not to; nothing here connects anywhere unasked.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address and not _is_here(address) and os.environ.get("RAY_AUTH_MODE") != "token":
        raise ClusterError(
            f"{address}: a cluster runs whatever reaches it, so it must ask for a token; "
            "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN here and on its nodes"
        )
    try:
        ray: Any = import_module("ray")
    except ImportError as error:
        raise ClusterError("Ray is not installed; pip install 'shelf-agent[ray]'") from error
    options = {"log_to_driver": False, "configure_logging": False}
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        if address:
            ray.init(address=address, **options)
        else:
            # Without "local" Ray would join whatever cluster was last started on this machine.
            ray.init(address="local", include_dashboard=False, **options)
    except Exception as error:  # Ray raises plain Exception too: when a node of its own does not start in time
        raise ClusterError(f"{address or 'Ray'}: {' '.join(str(error).split())[:300]}") from error
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray takes it over, and with it the orderly end of a run
    return ray


def _is_here(address: str) -> bool:
    host = address.split("://")[-1].rsplit(":", 1)[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("local", "localhost")


def _reason(error: Exception) -> str:
    """The cause in a line; of an actor that could not be made, the last line of its traceback."""
    cause = getattr(error, "cause", None) or error
    lines = [line for line in str(cause).splitlines() if line.strip()] or [""]
    line = lines[-1] if "creation task" in lines[0] else lines[0]
    return f"{type(cause).__name__}: {printable(line)}"
