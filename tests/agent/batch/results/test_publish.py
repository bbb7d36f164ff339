"""Results are copied as they are, and a store that refuses leaves them where they were."""

from pathlib import Path

import fsspec
import pytest

from agent.batch.disk import Disk
from agent.batch.errors import StorageError
from agent.batch.folder import RunFolder
from agent.batch.results.publish import publish_results


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "overlays").mkdir()
    for name in ("counts.csv", "report.html", "journal.jsonl", "overlays/a.jpg"):
        (tmp_path / name).write_text(name)
    return RunFolder(tmp_path, Disk())


def test_chosen_results_and_overlays_are_copied_and_nothing_else(folder: RunFolder) -> None:
    store = fsspec.filesystem("memory")
    try:
        number = publish_results(folder, ("csv", "overlays", "report"), "memory://done/monday/")
        found = {path: store.cat(path) for path in store.find("/done")}
    finally:
        store.rm("/done", recursive=True)

    assert number == 3
    assert found == {
        "/done/monday/counts.csv": b"counts.csv",
        "/done/monday/report.html": b"report.html",
        "/done/monday/overlays/a.jpg": b"overlays/a.jpg",
    }


def test_a_store_that_refuses_is_named_with_what_to_do(folder: RunFolder) -> None:
    with pytest.raises(StorageError, match=r"nostore://x: not copied .* run again with --resume"):
        publish_results(folder, ("csv",), "nostore://x")


def test_a_folder_of_this_machine_is_a_place_too(folder: RunFolder, tmp_path: Path) -> None:
    publish_results(folder, ("csv", "overlays"), f"file://{tmp_path}/copy")

    assert (tmp_path / "copy" / "overlays" / "a.jpg").read_text() == "overlays/a.jpg"
