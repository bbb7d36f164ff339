"""A run does each task once, whatever stands in its way, and refuses to mix what does not belong together."""

import os
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Event

import pytest

from agent.batch.call import Call
from agent.batch.disk import Disk
from agent.batch.errors import RunRefused, StorageError
from agent.batch.folder import RunFolder
from agent.batch.local import LocalEngine
from tests.agent.batch.fakes import (
    FailingDisk,
    FakeBench,
    Loaded,
    Silent,
    finished_tasks,
    journal,
    photos,
    results,
    run_fake,
)


def test_every_task_is_done_once_and_leaves_its_row(tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 5)
    bench, watcher = FakeBench(), Silent()

    summary = run_fake(tmp_path, tmp_path / "out", bench=bench, watcher=watcher)

    assert (summary.ending, summary.tasks, summary.done, summary.failed, summary.fresh) == (
        "complete",
        10,
        10,
        0,
        10,
    )
    assert len(finished_tasks(tmp_path / "out")) == len(set(finished_tasks(tmp_path / "out"))) == 10
    assert sorted(bench.loads) == [f"shelf/000{index}.jpg" for index in range(5)]  # decoded once for both requests
    assert watcher.seen == [(0, 0), (2, 0), (4, 0), (6, 0), (8, 0), (10, 0)]
    assert len(results(tmp_path / "out")["records.jsonl"].splitlines()) == 10


def test_a_finished_run_that_is_resumed_does_nothing_and_leaves_the_same_bytes(tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 3)
    run_fake(tmp_path, tmp_path / "out")
    before, bench = results(tmp_path / "out"), FakeBench()

    summary = run_fake(tmp_path, tmp_path / "out", bench=bench, start="resume")

    assert (summary.ending, summary.fresh) == ("complete", 0)
    assert bench.loads == []
    assert results(tmp_path / "out") == before


def test_photos_that_fail_become_rows_and_are_tried_again_on_request_only(tmp_path: Path) -> None:
    paths = photos(tmp_path / "shelf", 3)
    paths[1].write_bytes(b"broken")
    text = "photos: shelf\nrequests: [{target: cans}, {target: nonsense}]\n"

    first = run_fake(tmp_path, tmp_path / "out", text)
    assert (first.ending, first.done, first.failed) == ("complete", 2, 4)
    table = results(tmp_path / "out")["counts.csv"].decode()
    assert "damaged or cut off" in table
    assert "nonsense names nothing" in table

    again = run_fake(tmp_path, tmp_path / "out", text, start="resume")
    assert (again.fresh, again.failed) == (0, 4)

    bench = FakeBench()
    retried = run_fake(tmp_path, tmp_path / "out", text, bench, start="resume", retry_failed=True)
    assert sorted(bench.loads) == [f"shelf/000{index}.jpg" for index in range(3)]
    assert ("shelf/0000.jpg", "cans") not in bench.calls  # what was done stays done
    assert (retried.done, retried.failed) == (2, 4)


def test_a_photo_that_was_mended_is_counted_on_resume(tmp_path: Path) -> None:
    paths = photos(tmp_path / "shelf", 3)
    paths[1].write_bytes(b"broken")
    run_fake(tmp_path, tmp_path / "out")
    paths[1].write_bytes(b"photo 1 again")
    bench = FakeBench()

    summary = run_fake(tmp_path, tmp_path / "out", bench=bench, start="resume")

    assert bench.loads == ["shelf/0001.jpg"]
    assert (summary.done, summary.failed, summary.fresh) == (6, 0, 2)


def test_a_file_that_was_only_touched_is_read_and_not_counted_again(tmp_path: Path) -> None:
    paths = photos(tmp_path / "shelf", 2)
    run_fake(tmp_path, tmp_path / "out")
    os.utime(paths[0], ns=(1, 1))
    bench = FakeBench()

    summary = run_fake(tmp_path, tmp_path / "out", bench=bench, start="resume")

    assert (bench.loads, bench.calls) == (["shelf/0000.jpg"], [])
    assert (summary.done, summary.fresh) == (4, 0)


def test_equal_photos_share_their_task_and_each_has_its_row(tmp_path: Path) -> None:
    first, _ = photos(tmp_path / "shelf", 2)
    shutil.copy(first, tmp_path / "shelf" / "copy.jpg")

    summary = run_fake(tmp_path, tmp_path / "out")

    assert (summary.tasks, summary.done, summary.fresh) == (6, 6, 4)
    assert len(set(finished_tasks(tmp_path / "out"))) == len(finished_tasks(tmp_path / "out")) == 4
    assert len(results(tmp_path / "out")["records.jsonl"].splitlines()) == 6


def test_a_run_stops_after_the_photo_in_work_and_can_be_resumed(tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 6)
    stop = Event()

    def press(photo: Loaded, call: Call) -> None:
        if photo.name == "shelf/0002.jpg":
            stop.set()

    bench = FakeBench(press)
    engine = LocalEngine(bench, lanes=1)
    summary = run_fake(tmp_path, tmp_path / "out", stop=stop, make_engine=lambda: engine)

    assert (summary.ending, summary.done) == ("interrupted", 6)
    assert {name for name, _ in bench.calls} == {f"shelf/000{index}.jpg" for index in range(3)}
    assert "records.jsonl" not in results(tmp_path / "out")
    assert journal(tmp_path / "out")[-1]["event"] == "stop"
    rest = run_fake(tmp_path, tmp_path / "out", start="resume")
    assert (rest.ending, rest.done, rest.fresh) == ("complete", 12, 6)


def test_a_run_gives_up_after_too_many_errors(tmp_path: Path) -> None:
    for path in photos(tmp_path / "shelf", 20):
        path.write_bytes(b"broken")

    summary = run_fake(tmp_path, tmp_path / "out", max_errors=5)

    assert summary.ending == "too many errors"
    assert 6 <= summary.failed < 40
    assert "records.jsonl" not in results(tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"engine": "fake 2"}, "the engine was 'fake 1' and is 'fake 2'"),
        ({"text": "photos: shelf\nrequests: [{target: cans}]\n"}, "2 photos and 4 tasks then, 2 and 2 now"),
        ({"outputs": ("csv",)}, "the outputs were"),
    ],
)
def test_a_changed_job_is_refused_with_a_way_out(tmp_path: Path, change: dict[str, object], part: str) -> None:
    photos(tmp_path / "shelf", 2)
    run_fake(tmp_path, tmp_path / "out")
    before = results(tmp_path / "out")

    with pytest.raises(RunRefused, match=part) as caught:
        run_fake(tmp_path, tmp_path / "out", start="resume", **change)  # type: ignore[arg-type]

    assert "--new" in str(caught.value)
    assert "--accept-changes" in str(caught.value)
    assert results(tmp_path / "out") == before


def test_accepted_changes_keep_what_still_fits(tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 2)
    run_fake(tmp_path, tmp_path / "out")
    text = "photos: shelf\nrequests: [{target: cans}, {target: tins}]\n"

    changed = run_fake(tmp_path, tmp_path / "out", text, start="accept")
    other_engine = run_fake(tmp_path, tmp_path / "out", text, start="accept", engine="fake 2")

    assert (changed.done, changed.fresh) == (4, 2)  # cans were there, jars are no longer asked
    assert b"jars" not in results(tmp_path / "out")["records.jsonl"]
    assert (other_engine.done, other_engine.fresh) == (4, 4)


def test_a_folder_with_a_run_is_not_overwritten_and_new_moves_it_aside(tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 2)
    run_fake(tmp_path, tmp_path / "out")
    before = results(tmp_path / "out")

    with pytest.raises(RunRefused, match="--resume"):
        run_fake(tmp_path, tmp_path / "out")
    summary = run_fake(tmp_path, tmp_path / "out", start="new")

    assert summary.fresh == 4
    assert results(tmp_path / "out" / "previous-1") == before
    run_fake(tmp_path, tmp_path / "out", start="new")
    assert (tmp_path / "out" / "previous-2" / "journal.jsonl").exists()


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "counts.csv").write_text("mine")

    for start in ("fresh", "new", "resume"):
        with pytest.raises(RunRefused, match="not empty"):
            run_fake(tmp_path, tmp_path / "out", start=start)

    assert (tmp_path / "out" / "counts.csv").read_text() == "mine"


def test_two_processes_cannot_work_on_one_folder(tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 1)

    with RunFolder(tmp_path / "out", Disk()).hold(), pytest.raises(RunRefused, match="another process"):
        run_fake(tmp_path, tmp_path / "out", start="resume")


def test_sentences_keep_their_calls_for_the_whole_job(tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 1)
    text = "photos: shelf\nrequests: [count cans and jars]\n"
    run_fake(tmp_path, tmp_path / "out", text)

    known = RunFolder(tmp_path / "out", Disk()).job()

    assert known is not None
    assert [call.label() for call in known.planned()["count cans and jars"]] == ["cans", "jars"]


def test_a_photo_that_kills_the_process_becomes_a_row_and_the_others_are_done(tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 6)

    class Death(BaseException):
        """Ends the process as far as the journal can tell: nothing is noted on the way out."""

    def poison(photo: Loaded, call: Call) -> None:
        if photo.name == "shelf/0001.jpg":
            raise Death

    lives = 0
    while True:
        try:
            # One lane: with two, the other photos might be done before this one is begun.
            engine = LocalEngine(FakeBench(poison), lanes=1)
            summary = run_fake(tmp_path, tmp_path / "out", make_engine=lambda e=engine: e, start="resume")
            break
        except Death:
            lives += 1
            assert lives < 10

    assert (summary.ending, summary.done, summary.failed) == ("complete", 10, 2)
    assert lives == 4  # once among others, three times alone
    assert b"the process died 3 times in a row" in results(tmp_path / "out")["counts.csv"]


def test_a_full_disk_at_any_write_leaves_a_run_that_can_be_resumed(tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 2)
    run_fake(tmp_path, tmp_path / "whole")
    expected = results(tmp_path / "whole")

    for fails_at in count(1):
        out = tmp_path / f"out{fails_at}"
        disk = FailingDisk(fails_at)
        with suppress(StorageError):
            run_fake(tmp_path, out, disk=disk)
        if disk.operations < fails_at:
            break  # there is no such operation any more
        run_fake(tmp_path, out, start="resume")
        assert results(out) == expected, fails_at
        assert len(set(finished_tasks(out))) == len(finished_tasks(out)) == 4

    assert fails_at > 40  # every primitive of every file was reached


def test_the_message_of_a_full_disk_says_how_to_go_on(tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 1)

    with pytest.raises(StorageError, match=r"no space left on device; what is done is safe: .* --resume"):
        run_fake(tmp_path, tmp_path / "out", disk=FailingDisk(12))


def test_the_disk_may_fail_again_and_again(tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 3)
    run_fake(tmp_path, tmp_path / "whole")

    for fails_at in count(1):
        disk = FailingDisk(fails_at)
        with suppress(StorageError):
            run_fake(tmp_path, tmp_path / "out", disk=disk, start="resume")
        if disk.operations < fails_at:
            break

    assert results(tmp_path / "out") == results(tmp_path / "whole")
