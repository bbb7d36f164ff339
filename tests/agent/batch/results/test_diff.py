"""Two runs are compared per store, and per photo where the photos have the same names."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from agent.batch.errors import RunRefused
from agent.batch.results.diff import PhotoChange, Side, diff_runs
from agent.commands.report import register


def entry(store: str, photo: str, numbers: tuple[int, int, int] | None, label: str = "cans") -> dict[str, Any]:
    known: dict[str, Any] = {"store": store, "photo": photo, "label": label, "tool": "count"}
    if numbers is None:
        return known | {"status": "failed", "error": "damaged"}
    return known | {"status": "done", "record": dict(zip(("count", "low", "high"), numbers, strict=True))}


def run(folder: Path, *entries: dict[str, Any]) -> Path:
    folder.mkdir()
    (folder / "records.jsonl").write_text("".join(json.dumps(each) + "\n" for each in entries))
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    before = run(
        tmp_path / "before",
        entry("A", "1.jpg", (10, 9, 11)),
        entry("A", "2.jpg", (10, 10, 10)),
        entry("B", "3.jpg", (5, 5, 5)),
        entry("B", "4.jpg", None),
        entry("C", "5.jpg", (1, 1, 1)),
    )
    after = run(
        tmp_path / "after",
        entry("A", "1.jpg", (4, 3, 5)),
        entry("A", "2.jpg", (11, 10, 12)),
        entry("B", "3.jpg", (6, 5, 7)),
        entry("B", "6.jpg", (2, 2, 2)),
    )
    return before, after


def test_totals_are_compared_per_store_with_their_intervals(runs: tuple[Path, Path]) -> None:
    a, b, c = diff_runs(*runs).stores

    assert a.before == Side(total=20, low=19, high=21, photos=2, failed=0)
    assert a.after == Side(total=15, low=13, high=17, photos=2, failed=0)
    assert (a.difference, a.clear, a.uneven) == (-5, True, False)
    assert (b.difference, b.clear, b.uneven) == (3, True, True)
    assert (c.difference, c.after) == (None, None)


def test_photos_of_the_same_name_are_compared_one_by_one(runs: tuple[Path, Path]) -> None:
    found = diff_runs(*runs)

    assert found.photos == (
        PhotoChange(photo="1.jpg", label="cans", before=10, after=4, clear=True),
        PhotoChange(photo="2.jpg", label="cans", before=10, after=11, clear=False),
        PhotoChange(photo="3.jpg", label="cans", before=5, after=6, clear=False),
    )
    assert (found.same, found.only_before, found.only_after) == (3, 1, 1)


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match="two finished runs"):
        diff_runs(tmp_path, tmp_path)


def test_the_command_prints_a_table_or_json(runs: tuple[Path, Path]) -> None:
    app = Typer()
    register(app)

    table = CliRunner().invoke(app, ["report", "diff", *map(str, runs)], env={"COLUMNS": "120"})
    plain = CliRunner().invoke(app, ["report", "diff", *map(str, runs), "--json"])

    lines = [" ".join(line.split()) for line in table.output.splitlines()]
    assert "A cans 20 (19–21) 15 (13–17) -5 clear" in lines
    assert "B cans 5 8 (7–9) +3 clear; 1 photos then, 2 now; 1 failed then, 0 now" in lines
    assert "2.jpg: cans 10 -> 11 (within the intervals)" in lines
    assert json.loads(plain.output)["stores"][0]["difference"] == -5
