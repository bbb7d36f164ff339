"""The local engine keeps three steps busy at once, and never holds more than a few photos."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

from agent.batch.call import Call
from agent.batch.local import LocalEngine
from agent.batch.photos import PhotoRef
from agent.batch.work import Finished, Outcome, Work
from tests.agent.batch.fakes import FakeBench, Loaded, photos

CALL = Call.of("count", {"target": "cans"})


def works(folder: Path, number: int) -> list[Work]:
    return [Work(PhotoRef(path.name, str(path), "1"), (CALL,)) for path in photos(folder, number)]


def run(bench: FakeBench, todo: Sequence[Work] | Iterator[Work], ahead: int = 2) -> list[Finished]:
    return list(LocalEngine(bench, ahead).work(todo, lambda work: None, Event()))


def test_photos_come_out_with_their_outcomes_and_pictures(tmp_path: Path) -> None:
    finished = run(FakeBench(), works(tmp_path, 7))

    assert [each.photo.name for each in finished] == [f"000{index}.jpg" for index in range(7)]
    assert all(outcome.record and outcome.picture for each in finished for outcome in each.outcomes)


def test_counting_stays_in_the_calling_thread(tmp_path: Path) -> None:
    bench = FakeBench()
    run(bench, works(tmp_path, 5))

    assert bench.threads == {threading.current_thread().name}


def test_the_next_photo_is_decoded_while_one_is_counted_and_another_is_drawn(tmp_path: Path) -> None:
    """Each step waits for the others: without overlap this would never end."""
    everywhere = threading.Barrier(3, timeout=20)

    class Meeting(FakeBench):
        def load(self, photo: PhotoRef) -> Loaded:
            loaded = super().load(photo)
            if photo.name == "0002.jpg":
                everywhere.wait()
            return loaded

        def run(self, photo: Loaded, calls: Sequence[Call]) -> list[Outcome]:
            if photo.name == "0001.jpg":
                everywhere.wait()
            return super().run(photo, calls)

        def draw(self, photo: Loaded, outcome: Outcome) -> Outcome:
            if photo.name == "0000.jpg":
                everywhere.wait()
            return super().draw(photo, outcome)

    assert len(run(Meeting(), works(tmp_path, 4))) == 4


def test_no_more_than_a_few_photos_are_in_memory_however_long_the_queue(tmp_path: Path) -> None:
    lock, now, most = threading.Lock(), 0, 0

    class Weighing(FakeBench):
        def load(self, photo: PhotoRef) -> Loaded:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            return super().load(photo)

        def draw(self, photo: Loaded, outcome: Outcome) -> Outcome:
            nonlocal now
            with lock:
                now -= 1
            return super().draw(photo, outcome)

    taken = 0

    def queue() -> Iterator[Work]:
        nonlocal taken
        for work in works(tmp_path, 60):
            taken += 1
            yield work

    finished, furthest = 0, 0
    for _ in LocalEngine(Weighing()).work(queue(), lambda work: None, Event()):
        furthest = max(furthest, taken - finished)
        finished += 1

    assert finished == 60
    assert 2 <= most <= 6  # two ahead, one counted, up to three drawn or waiting to be
    assert furthest <= 7  # the queue is taken from only as fast as work is done


def test_a_suspect_is_alone_in_work(tmp_path: Path) -> None:
    todo = works(tmp_path, 5)
    todo[3:] = [Work(work.photo, work.calls, alone=True) for work in todo[3:]]
    begun: list[str] = []
    open_at_start: list[int] = []
    finished = 0

    def started(work: Work) -> None:
        begun.append(work.photo.name)
        if work.alone:
            open_at_start.append(len(begun) - 1 - finished)

    for _ in LocalEngine(FakeBench()).work(todo, started, Event()):
        finished += 1

    assert finished == 5
    assert open_at_start == [0, 0]


def test_a_decoder_that_raises_something_odd_costs_one_photo(tmp_path: Path) -> None:
    class Odd(FakeBench):
        def load(self, photo: PhotoRef) -> Loaded:
            if photo.name == "0001.jpg":
                raise OverflowError("a decoder's own")
            return super().load(photo)

    errors = [each.outcomes[0].error for each in run(Odd(), works(tmp_path, 3))]

    assert errors == [None, "internal error (OverflowError): a decoder's own", None]


def test_a_stopped_engine_finishes_what_it_counts_and_begins_nothing(tmp_path: Path) -> None:
    stop = Event()
    bench = FakeBench(lambda photo, call: stop.set())

    finished = list(LocalEngine(bench).work(works(tmp_path, 9), lambda work: None, stop))

    assert [each.photo.name for each in finished] == ["0000.jpg"]
