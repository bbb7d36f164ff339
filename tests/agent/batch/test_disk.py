"""Files appear whole and together, or not at all."""

import os
from pathlib import Path

import pytest

from agent.batch.disk import TEMPORARY, Disk
from agent.batch.errors import StorageError
from tests.agent.batch.fakes import FailingDisk


def test_files_appear_together_when_all_are_complete(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with Disk().together() as files:
        files.create(tmp_path / "a").write(b"new")
        files.create(tmp_path / "deep" / "b").write(b"more")
        assert (tmp_path / "a").read_text() == "old"
        assert not (tmp_path / "deep" / "b").exists()

    assert (tmp_path / "a").read_text() == "new"
    assert (tmp_path / "deep" / "b").read_text() == "more"


def test_nothing_appears_and_nothing_is_left_when_the_writer_fails(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    def fail() -> None:
        with Disk().together() as files:
            files.create(tmp_path / "a").write(b"new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_large_file_is_written_in_parts_and_read_back_whole(tmp_path: Path) -> None:
    data = os.urandom(1 << 20)
    disk = FailingDisk(0)
    with disk.together() as files:
        file = files.create(tmp_path / "a")
        for _ in range(3):
            file.write(memoryview(data))
        assert file.tell() == 3 << 20

    assert (tmp_path / "a").read_bytes() == data * 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_disk_that_is_really_full_is_a_storage_error() -> None:
    disk = Disk()
    descriptor = disk.open(Path("/dev/full"), os.O_WRONLY)
    try:
        with pytest.raises(StorageError, match="no space left on device"):
            disk.write_all(descriptor, b"x")
    finally:
        os.close(descriptor)


def test_a_folder_that_cannot_be_written_to_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="not a directory"):
        Disk().open(tmp_path / "file" / f"{TEMPORARY}a", os.O_WRONLY | os.O_CREAT)
