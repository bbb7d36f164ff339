"""A process of its own for tests that kill it.

process.py run FOLDER OUT [CALLS]    one life of a batch; killed from outside
process.py ray FOLDER OUT [CALLS]    the same on Ray
process.py crash FOLDER OUT          dies at each primitive of the disk in turn, resumes, prints how often

The work takes a little time, so that a kill finds something in work. A bench that has made CALLS calls stands still
until it is killed: then a test decides how far a life gets, and not how busy the machine is.
"""

import os
import sys
import threading
import time
from functools import partial
from itertools import count
from pathlib import Path

from agent.batch.call import Call
from agent.batch.cluster import RayEngine
from agent.batch.disk import Disk
from agent.batch.local import LocalEngine
from agent.batch.work import Engine
from tests.agent.batch.fakes import FailingDisk, FakeBench, Loaded, finished_tasks, photos, results, run_fake


def slow_bench(seconds: float, calls: int | None) -> FakeBench:
    made = count()

    def before(photo: Loaded, call: Call) -> None:
        time.sleep(seconds)
        if calls is not None and next(made) >= calls:
            threading.Event().wait()

    return FakeBench(before)


def run(folder: Path, out: Path, calls: int | None) -> None:
    _live(folder, out, LocalEngine(slow_bench(0.001, calls)))


def run_on_ray(folder: Path, out: Path, calls: int | None) -> None:
    _live(folder, out, RayEngine(partial(slow_bench, 0.02, calls), workers=2))


def _live(folder: Path, out: Path, engine: Engine) -> None:
    sys.exit(run_fake(folder, out, make_engine=lambda: engine, start="resume").ending != "complete")


def crash(folder: Path, out: Path, _: int | None) -> None:
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
    mode, folder, out, *calls = sys.argv[1:]
    {"run": run, "ray": run_on_ray, "crash": crash}[mode](Path(folder), Path(out), int(calls[0]) if calls else None)
