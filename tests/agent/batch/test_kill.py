"""Real processes that are really killed."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.batch.fakes import finished_tasks, journal, photos, results, run_fake

SCRIPT = Path(__file__).with_name("process.py")
ROOT = Path(__file__).parents[3]


def start(mode: str, folder: Path, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), mode, str(folder), str(out)],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": ""}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def size(out: Path) -> int:
    path = out / "journal.jsonl"
    return path.stat().st_size if path.exists() else 0


def kill_after(process: subprocess.Popen[str], out: Path, growth: int, delay: float) -> bool:
    """SIGKILL when the journal has grown by that much and a moment has passed; False if it ended before."""
    goal = size(out) + growth
    while size(out) < goal:
        if ended(process, 0.001):
            return False
    if ended(process, delay):
        return False
    process.kill()
    process.communicate()
    return True


def ended(process: subprocess.Popen[str], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    process.communicate()
    return True


@pytest.mark.parametrize(("number", "kills"), [(30, 8), pytest.param(200, 50, marks=pytest.mark.slow)])
def test_a_run_killed_again_and_again_does_every_task_once_and_ends_in_the_same_bytes(
    tmp_path: Path, number: int, kills: int
) -> None:
    photos(tmp_path / "shelf", number)
    run_fake(tmp_path, tmp_path / "undisturbed")
    out, chance, killed = tmp_path / "out", random.Random(7), 0
    growth = 1500 * number // kills

    while killed < kills:
        process = start("run", tmp_path, out)
        # Every other life gets a photo done: three that do not would rightly blame the photo in work.
        least = growth // 2 if killed % 2 else 1
        if not kill_after(process, out, chance.randint(least, growth), chance.random() * 0.01):
            break
        killed += 1
    last = start("run", tmp_path, out)
    last.communicate()

    assert last.returncode == 0
    assert killed >= kills * 3 // 4, "the work was done before most of the kills"
    assert results(out) == results(tmp_path / "undisturbed")
    assert len(set(finished_tasks(out))) == len(finished_tasks(out)) == 2 * number
    # Redone work: at most what was in work at a kill (two photos ahead, one counted, two drawn).
    begun = sum(entry["event"] == "start" for entry in journal(out))
    assert begun <= number + 5 * killed


def test_a_process_that_dies_at_any_primitive_of_the_disk_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    process = start("crash", tmp_path, tmp_path / "out")

    printed, _ = process.communicate()

    assert process.returncode == 0
    assert int(printed) > 40
