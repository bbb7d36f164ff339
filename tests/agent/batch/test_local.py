"""The local engine keeps three steps busy at once, and never holds more than a few photos."""

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from agent.batch.bench import ToolBench
from agent.batch.call import Call
from agent.batch.local import LocalEngine
from agent.batch.photos import PhotoRef
from agent.batch.work import LANES, Bench, Finished, Outcome, Work
from segmentation.clipseg import Activations, ClipSeg
from segmentation.counter import Counter
from segmentation.sharing import SharedClipSeg
from tests.agent.batch.fakes import FakeBench, Loaded, photos
from tools.catalog import build_registry
from tools.store import ImageStore

CALL = Call.of("count", {"target": "cans"})


def works(folder: Path, number: int) -> list[Work]:
    return [Work(PhotoRef(path.name, str(path), "1"), (CALL,)) for path in photos(folder, number)]


def run(bench: Bench, todo: Sequence[Work] | Iterator[Work], lanes: int = LANES) -> list[Finished]:
    finished = LocalEngine(bench, lanes=lanes).work(todo, lambda work: None, Event())
    return sorted(finished, key=lambda each: each.photo.name)


def test_photos_come_out_with_their_outcomes_and_pictures(tmp_path: Path) -> None:
    finished = run(FakeBench(), works(tmp_path, 7))

    assert [each.photo.name for each in finished] == [f"000{index}.jpg" for index in range(7)]
    assert all(outcome.record and outcome.picture for each in finished for outcome in each.outcomes)


@pytest.mark.parametrize("lanes", [1, 3])
def test_as_many_photos_are_counted_at_once_as_there_are_lanes(tmp_path: Path, lanes: int) -> None:
    """The first photos wait for each other: with fewer lanes this would never end."""
    together = threading.Barrier(lanes, timeout=20)
    lock, now, most = threading.Lock(), 0, 0

    class Meeting(FakeBench):
        def run(self, photo: Loaded, calls: Sequence[Call]) -> list[Outcome]:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            if photo.name < f"{lanes:04}":
                together.wait()
            outcomes = super().run(photo, calls)
            with lock:
                now -= 1
            return outcomes

    assert len(run(Meeting(), works(tmp_path, 9), lanes)) == 9
    assert most == lanes


def shelves(folder: Path, number: int) -> list[Work]:
    """Real pictures of one square view each, all different."""
    works = []
    for index in range(number):
        path = folder / f"{index}.png"
        noise = np.random.default_rng(index).integers(0, 255, (12, 12, 3)).astype(np.uint8)
        Image.fromarray(noise).resize((352, 352)).save(path)
        works.append(Work(PhotoRef(path.name, str(path), "1"), (CALL,)))
    return works


def shared_bench(engine: ClipSeg) -> ToolBench:
    store = ImageStore()
    return ToolBench(build_registry(store, Counter("tiny", lambda reference: engine)), store)


def test_views_of_several_photos_share_an_encoder_batch(
    tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder's first batch takes until the views of two other photos wait for it."""
    engine = SharedClipSeg.load(tiny_checkpoint, "cpu")
    sizes: list[int] = []
    plain = ClipSeg.encode

    def noted(self: ClipSeg, views: NDArray[np.uint8]) -> Activations:
        sizes.append(len(views))
        while len(sizes) == 1 and len(engine._queue) < 2:
            threading.Event().wait(0.001)
        return plain(self, views)

    monkeypatch.setattr(ClipSeg, "encode", noted)
    together = run(shared_bench(engine), shelves(tmp_path, 3), lanes=3)

    assert sizes[:2] == [1, 2]
    monkeypatch.undo()
    alone = run(shared_bench(ClipSeg.load(tiny_checkpoint, "cpu")), shelves(tmp_path, 3), lanes=1)
    assert [found(each) for each in together] == [found(each) for each in alone]


def found(finished: Finished) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """What must not depend on the company that a photo's views had."""
    record = json.loads(finished.outcomes[0].record or "")
    return record["count"], tuple(tuple(each["box"]) for each in record["instances"])


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
    lock, now, most, ahead = threading.Lock(), 0, 0, Event()

    class Weighing(FakeBench):
        def load(self, photo: PhotoRef) -> Loaded:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
                if now == 4:
                    ahead.set()
            return super().load(photo)

        def run(self, photo: Loaded, calls: Sequence[Call]) -> list[Outcome]:
            assert ahead.wait(20)  # the first counts go on when two are decoded beside them
            return super().run(photo, calls)

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
    assert 4 <= most <= 7  # two ahead, two counted, up to three drawn or waiting to be
    assert furthest <= 8  # the queue is taken from only as fast as work is done


def test_a_drawn_photo_is_handed_over_while_others_are_still_counted(tmp_path: Path) -> None:
    taken = Event()

    def wait_for_the_first(photo: Loaded, call: Call) -> None:
        if photo.name != "0000.jpg":
            assert taken.wait(20)

    results = LocalEngine(FakeBench(wait_for_the_first)).work(works(tmp_path, 4), lambda work: None, Event())

    assert next(results).photo.name == "0000.jpg"
    taken.set()
    assert len(list(results)) == 3


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

    finished = list(LocalEngine(bench, lanes=1).work(works(tmp_path, 9), lambda work: None, stop))

    assert [each.photo.name for each in finished] == ["0000.jpg"]


def test_calls_are_given_up_when_nobody_takes_the_results(tmp_path: Path) -> None:
    """A second Ctrl-C raises in the caller's thread while a count runs in another."""
    bench = FakeBench()
    bench_waits = FakeBench(lambda photo, call: _until(bench_waits.given_up, photo))
    results = LocalEngine(bench_waits).work(works(tmp_path, 4), lambda work: None, Event())
    next(results)
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)  # type: ignore[attr-defined]

    assert bench_waits.given_up.is_set()
    assert len(run(bench, works(tmp_path, 4))) == 4
    assert not bench.given_up.is_set()


def _until(event: threading.Event, photo: Loaded) -> None:
    """The first photo is counted at once, the others never end by themselves."""
    if photo.name != "0000.jpg":
        assert event.wait(20)
