"""Real processes that are really killed."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.batch.fakes import finished_tasks, noted, photos, results, run_fake

SCRIPT = Path(__file__).with_name("process.py")
ROOT = Path(__file__).parents[3]
IN_WORK = 6  # two photos ahead, two counted, two drawn


def start(mode: str, folder: Path, out: Path, *calls: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), mode, str(folder), str(out), *calls],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": ""}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def live_and_die(folder: Path, out: Path, least: int, delay: float) -> None:
    """A life that ends by SIGKILL a moment after it has opened the journal and finished that many photos."""
    lives, finished = noted(out, "open"), noted(out, "photo")
    # Each of two lanes may hold a photo of which one call is made: it finishes one more at most.
    process = start("run", folder, out, str(2 * least + 2))
    while noted(out, "open") == lives or noted(out, "photo") < finished + least:
        assert not ended(process, 0.001)
    assert not ended(process, delay)
    process.kill()
    process.communicate()


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
    out, chance = tmp_path / "out", random.Random(7)

    for life in range(kills):
        # Every other life gets a photo done: three that do not would rightly blame the photo in work.
        # All lives together do no more than four fifths of the work.
        live_and_die(tmp_path, out, chance.randint(life % 2, 2), chance.random() * 0.01)
    last = start("run", tmp_path, out)
    last.communicate()

    assert last.returncode == 0
    assert results(out) == results(tmp_path / "undisturbed")
    assert len(set(finished_tasks(out))) == len(finished_tasks(out)) == 2 * number
    assert noted(out, "start") <= number + IN_WORK * kills


def test_a_process_that_dies_at_any_primitive_of_the_disk_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    process = start("crash", tmp_path, tmp_path / "out")

    printed, _ = process.communicate()

    assert process.returncode == 0
    assert int(printed) > 40
