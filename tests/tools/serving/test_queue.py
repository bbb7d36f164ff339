import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from tools.registry import Progress
from tools.serving.failure import Busy, Stopping, TooLate
from tools.serving.queue import WorkQueue

from .conftest import PATIENCE


class Gate:
    """Work that begins when told and notes its order."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun = threading.Event()
        self.order: list[str] = []

    def work(self, name: str) -> Callable[[Progress], str]:
        def run(progress: Progress) -> str:
            self.begun.set()
            while not self.open.wait(0.002) and not progress.cancelled.is_set():
                pass
            self.order.append(name + ("!" if progress.cancelled.is_set() else ""))
            return name

        return run


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def run(coroutine):  # type: ignore[no-untyped-def]
    return asyncio.run(asyncio.wait_for(coroutine, PATIENCE))


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


def test_results_and_exceptions_come_back_to_the_one_who_waits() -> None:
    async def go() -> None:
        queue = WorkQueue("q", workers=3)
        numbers = await asyncio.gather(*(queue.run(str(n), lambda _, n=n: n * n, 5) for n in range(20)))
        assert numbers == [n * n for n in range(20)]
        with pytest.raises(ZeroDivisionError):
            await queue.run("a", lambda _: 1 // 0, 5)
        assert await queue.run("a", lambda _: "alive", 5) == "alive"
        queue.stop(1)

    run(go())


def test_clients_are_served_in_turn(gate: Gate) -> None:
    async def go() -> None:
        queue = WorkQueue("q")
        names = ["a0", "a1", "a2", "a3", "b1", "b2", "c1"]
        tasks = []
        for name in names:
            tasks.append(asyncio.create_task(queue.run(name[0], gate.work(name), 5)))
            await until(lambda: queue.depth + queue.running == len(tasks))
        gate.open.set()
        assert await asyncio.gather(*tasks) == names
        assert gate.order == ["a0", "a1", "b1", "c1", "a2", "b2", "a3"]

    run(go())


def test_beyond_its_capacity_and_half_of_it_for_one_client_the_queue_is_busy(gate: Gate) -> None:
    async def go() -> None:
        queue = WorkQueue("q", capacity=4)
        tasks = [asyncio.create_task(queue.run("a", gate.work("a"), 5))]
        await until(lambda: queue.running == 1)
        tasks += [asyncio.create_task(queue.run("a", gate.work("a"), 5)) for _ in range(2)]
        await until(lambda: queue.depth == 2)
        with pytest.raises(Busy) as caught:
            await queue.run("a", gate.work("a"), 5)
        assert 1 <= caught.value.retry_after <= 60
        tasks += [asyncio.create_task(queue.run(name, gate.work(name), 5)) for name in "bc"]
        await until(lambda: queue.depth == 4)
        with pytest.raises(Busy):
            await queue.run("d", gate.work("d"), 5)
        gate.open.set()
        assert len(await asyncio.gather(*tasks)) == 5

    run(go())


def test_work_that_is_too_late_is_told_to_stop(gate: Gate) -> None:
    async def go() -> None:
        queue = WorkQueue("q")
        with pytest.raises(TooLate, match=r"within 0\.02 s"):
            await queue.run("a", gate.work("a"), 0.02)
        await until(lambda: gate.order == ["a!"])
        await until(lambda: queue.running == 0)

    run(go())


def test_work_that_nobody_waits_for_is_stopped_or_never_begun(gate: Gate) -> None:
    async def go() -> None:
        queue = WorkQueue("q")
        running = asyncio.create_task(queue.run("a", gate.work("running"), 5))
        await until(lambda: queue.running == 1)
        waiting = asyncio.create_task(queue.run("b", gate.work("waiting"), 5))
        await until(lambda: queue.depth == 1)
        waiting.cancel()
        await until(lambda: queue.depth == 0)
        running.cancel()
        await until(lambda: queue.running == 0)
        assert gate.order == ["running!"]

    run(go())


def test_two_hundred_clients_that_vanish_leave_no_slot_taken(gate: Gate) -> None:
    async def go() -> None:
        queue = WorkQueue("q", capacity=1000)
        tasks = [asyncio.create_task(queue.run(str(n), gate.work("x"), 5)) for n in range(200)]
        await until(lambda: queue.depth + queue.running == 200)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: queue.depth + queue.running == 0)
        gate.open.set()
        assert await queue.run("a", lambda _: 1, 5) == 1

    run(go())


def test_when_it_stops_running_work_may_finish_and_waiting_work_is_refused(gate: Gate) -> None:
    async def go() -> None:
        queue = WorkQueue("q")
        running = asyncio.create_task(queue.run("a", gate.work("a"), 5))
        await until(lambda: queue.running == 1)
        waiting = asyncio.create_task(queue.run("b", gate.work("b"), 5))
        await until(lambda: queue.depth == 1)
        stopping = asyncio.create_task(asyncio.to_thread(queue.stop, 5))
        with pytest.raises(Stopping):
            await waiting
        with pytest.raises(Stopping):
            await queue.run("c", gate.work("c"), 5)
        gate.open.set()
        assert await running == "a"
        await stopping

    run(go())


def test_when_the_grace_is_over_running_work_is_told_to_stop(gate: Gate) -> None:
    async def go() -> None:
        queue = WorkQueue("q")
        running = asyncio.create_task(queue.run("a", gate.work("a"), 5))
        await until(lambda: queue.running == 1)
        await asyncio.to_thread(queue.stop, 0.01)
        with pytest.raises(Stopping):
            await running
        await until(lambda: gate.order == ["a!"])

    run(go())


def test_a_second_stop_shortens_the_grace_of_the_first(gate: Gate) -> None:
    async def go() -> None:
        queue = WorkQueue("q")
        running = asyncio.create_task(queue.run("a", gate.work("a"), 5))
        await until(lambda: queue.running == 1)
        patient = asyncio.create_task(asyncio.to_thread(queue.stop, 3600))
        await until(lambda: queue.stopping)
        await asyncio.to_thread(queue.stop, 0)
        with pytest.raises(Stopping):
            await running
        await patient

    run(go())


def test_progress_is_reported_from_the_work() -> None:
    heard: list[tuple[str, float]] = []

    async def go() -> None:
        await WorkQueue("q").run("a", lambda p: p.report("half", 0.5), 5, lambda *stage: heard.append(stage))

    run(go())
    assert heard == [("half", 0.5)]
