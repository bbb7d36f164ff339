"""A process of its own for tests that kill it.

process.py run FOLDER OUT            one life of a batch; killed from outside
process.py ray FOLDER OUT            the same on Ray
process.py crash FOLDER OUT          dies at each primitive of the disk in turn, resumes, prints how often

The work takes a little time, so that a kill finds something in work.
"""

import os
import sys
import time
from itertools import count
from pathlib import Path

from agent.batch.cluster import RayEngine
from agent.batch.disk import Disk
from tests.agent.batch.fakes import FailingDisk, FakeBench, finished_tasks, photos, results, run_fake


def run(folder: Path, out: Path) -> None:
    bench = FakeBench(lambda photo, call: time.sleep(0.001))
    sys.exit(run_fake(folder, out, bench=bench, start="resume").ending != "complete")


def run_on_ray(folder: Path, out: Path) -> None:
    engine = RayEngine(slow_bench, workers=2)
    sys.exit(run_fake(folder, out, make_engine=lambda: engine, start="resume").ending != "complete")


def slow_bench() -> FakeBench:
    return FakeBench(lambda photo, call: time.sleep(0.02))


def crash(folder: Path, out: Path) -> None:
    """Forks a child for each primitive: it dies there as a killed process does, with nothing cleaned up."""
    photos(folder / "shelf", 2)
    run_fake(folder, out / "whole")
    expected = results(out / "whole")
    for at in count(1):
        here = out / str(at)
        died = _child(folder, here, FailingDisk(at, lambda: os._exit(9)))
        if died == 0:
            break
        assert died == 9
        assert _child(folder, here, Disk()) == 0, at
        assert results(here) == expected, at
        assert len(set(finished_tasks(here))) == len(finished_tasks(here)) == 4, at
    sys.stdout.write(f"{at - 1}\n")


def _child(folder: Path, out: Path, disk: Disk) -> int:
    child = os.fork()
    if child == 0:
        run_fake(folder, out, disk=disk, start="resume")
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    {"run": run, "ray": run_on_ray, "crash": crash}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
