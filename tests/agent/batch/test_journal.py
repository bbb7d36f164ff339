"""The journal survives torn lines and deaths, refuses damage, and never says a thing twice."""

from pathlib import Path

import pytest

from agent.batch.call import Call
from agent.batch.errors import RunRefused, StorageError
from agent.batch.journal import Journal, Result, Seen, task_id
from tests.agent.batch.fakes import FailingDisk, journal

SEEN = Seen("10-1", "abc")


def done(task: str) -> Result:
    return Result(task, '{"kind":"count","target":"Dosen ü","n":1}')


def reopen(path: Path) -> Journal:
    return Journal(path / "journal.jsonl")


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    first = reopen(tmp_path)
    first.start("a.jpg")
    assert first.finish("a.jpg", SEEN, [done("1"), Result("2", None, "no such file")]) == 2
    first.close()

    second = reopen(tmp_path)

    assert second.state.photos == {"a.jpg": SEEN}
    assert list(second.state.done) == ["1"]
    assert list(second.state.failed) == ["2"]
    with second.reader() as reader:
        entry = reader.result("1")
        assert entry is not None
        assert entry["record"] == {"kind": "count", "target": "Dosen ü", "n": 1}
        failed = reader.result("2")
        assert failed is not None
        assert failed["error"] == "no such file"
        assert reader.result("3") is None
    second.close()


def test_a_done_task_is_never_written_again_and_success_beats_failure(tmp_path: Path) -> None:
    log = reopen(tmp_path)
    log.finish("a.jpg", SEEN, [Result("1", None, "once")])
    assert log.finish("a.jpg", SEEN, [done("1")]) == 1
    assert log.finish("a.jpg", SEEN, [done("1")]) == 0
    assert log.finish("a.jpg", SEEN, [Result("1", None, "late")]) == 0
    log.close()

    state = reopen(tmp_path).state
    assert list(state.done) == ["1"]
    assert not state.failed
    assert [entry["event"] for entry in journal(tmp_path)].count("done") == 1


@pytest.mark.parametrize("cut", [1, 2, 18, 19, 20, 40])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, cut: int) -> None:
    log = reopen(tmp_path)
    log.finish("a.jpg", SEEN, [done("1"), done("2")])
    log.close()
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])

    again = reopen(tmp_path)

    assert list(again.state.done) == ["1"]
    assert again.finish("a.jpg", SEEN, [done("1"), done("2")]) == 1
    again.close()
    assert list(reopen(tmp_path).state.done) == ["1", "2"]


def test_zeros_left_by_a_power_cut_are_a_torn_line(tmp_path: Path) -> None:
    log = reopen(tmp_path)
    log.finish("a.jpg", SEEN, [done("1")])
    log.close()
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b"\0" * 5000)

    assert list(reopen(tmp_path).state.done) == ["1"]


def test_damage_before_the_end_is_refused_with_its_line(tmp_path: Path) -> None:
    log = reopen(tmp_path)
    log.finish("a.jpg", SEEN, [done("1"), done("2")])
    log.close()
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"n":1', b'"n":7', 1))

    with pytest.raises(RunRefused, match="line 3 is damaged"):
        reopen(tmp_path)


def test_a_full_disk_leaves_whole_lines_only(tmp_path: Path) -> None:
    # operations: open, write and sync of "open", then the write of the photo
    log = Journal(tmp_path / "journal.jsonl", FailingDisk(4))

    with pytest.raises(StorageError):
        log.finish("a.jpg", SEEN, [done("1")])

    assert [entry["event"] for entry in journal(tmp_path)] == ["open"]
    assert not log.state.done
    log.finish("a.jpg", SEEN, [done("1")])  # space was freed
    log.close()
    assert list(reopen(tmp_path).state.done) == ["1"]


def test_lines_are_synced_at_most_once_a_second_and_when_a_run_stops(tmp_path: Path) -> None:
    now = [0.0]

    class Counting(FailingDisk):
        syncs = 0

        def sync(self, descriptor: int) -> None:
            self.syncs += 1

    disk = Counting(0)
    log = Journal(tmp_path / "journal.jsonl", disk, lambda: now[0])
    for index, seconds in enumerate([0.1, 0.5, 1.1, 1.2, 2.2]):
        now[0] = seconds
        log.finish(f"{index}.jpg", SEEN, [done(str(index))])
    assert disk.syncs == 1 + 2  # when opened, at 1.1 and at 2.2
    log.stop()
    assert disk.syncs == 4


def die(path: Path, *in_work: str, finished: str = "") -> dict[str, int]:
    """A process that dies with these photos in work, and whom the next one suspects."""
    log = reopen(path)
    if finished:
        log.start(finished)
        log.finish(finished, SEEN, [])
    for photo in in_work:
        log.start(photo)
    log.close()
    after = reopen(path)
    suspects = dict(after.state.suspects)
    after.stop()
    after.close()
    return suspects


def test_photos_in_work_when_a_process_died_are_suspect_until_they_are_finished(tmp_path: Path) -> None:
    assert die(tmp_path, "a", "b", finished="c") == {"a": 1, "b": 1}

    log = reopen(tmp_path)
    log.finish("a", SEEN, [])
    log.close()
    assert reopen(tmp_path).state.suspects == {"b": 1}


def test_deaths_count_only_in_a_row_alone_and_with_nothing_finished(tmp_path: Path) -> None:
    assert die(tmp_path, "a", "b") == {"a": 1, "b": 1}
    assert die(tmp_path, "a") == {"b": 1, "a": 2}  # the latest death comes last
    assert die(tmp_path, "a") == {"b": 1, "a": 3}
    assert die(tmp_path, "a", finished="c") == {
        "b": 1,
        "a": 1,
    }  # a process that got something done was killed


def test_a_process_that_stops_in_good_order_suspects_nobody(tmp_path: Path) -> None:
    log = reopen(tmp_path)
    log.start("a")
    log.stop()
    log.close()

    assert reopen(tmp_path).state.suspects == {}


def test_a_task_is_its_photo_its_call_and_its_engine() -> None:
    call, other = Call.of("count", {"target": "a", "row": 1}), Call.of("count", {"target": "a", "row": 2})
    ids = {task_id(*parts) for parts in [("p", call, "e"), ("q", call, "e"), ("p", other, "e"), ("p", call, "f")]}

    assert len(ids) == 4
    assert task_id("p", Call.of("count", {"row": 1, "target": "a"}), "e") in ids
