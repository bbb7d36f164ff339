"""What Ray costs: the same photos and targets on the local engine and on a Ray of this machine, in turn.

    python -m tests.load.engines FOLDER --photos 40 --targets bottles "red cans" boxes --workers 1 --rounds 2

Prints, per photo, seconds and CPU seconds of all processes, without the start and the first quarter of the photos;
the seconds until the first photo; the ratio of the engines; and whether the records are equal. With one worker both
have one thread, so the ratio is that of the engines and not of their threads.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

from agent.batch.bench import open_bench
from agent.batch.call import Call
from agent.batch.cluster import RayEngine
from agent.batch.fingerprint import engine_fingerprint
from agent.batch.local import LocalEngine
from agent.batch.photos import PhotoRef
from agent.batch.work import Engine, Work

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Pace:
    """Of one engine on all photos."""

    start: float
    seconds: float  # per photo
    cpu: float  # per photo
    records: dict[tuple[str, Call], object]


def cpu_seconds() -> float:
    """Of this process and everything that descends from it and lives."""
    parents, used = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        process = int(stat.parent.name)
        parents[process], used[process] = int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS
    ours = {os.getpid()}
    while more := {process for process, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return sum(used[process] for process in ours)


def measure(make: Callable[[], Engine], works: list[Work]) -> Pace:
    began = time.monotonic()
    marks: list[tuple[float, float]] = []
    records: dict[tuple[str, Call], object] = {}
    for finished in make().work(works, lambda work: None, Event()):
        marks.append((time.monotonic(), cpu_seconds()))
        for outcome in finished.outcomes:
            record = json.loads(outcome.record or "{}")
            record.pop("seconds", None)
            records[finished.photo.name, outcome.call] = record
    warm = marks[len(marks) // 4]
    photos = len(marks) - 1 - len(marks) // 4
    seconds, cpu = (last - first for last, first in zip(marks[-1], warm, strict=True))
    return Pace(marks[0][0] - began, seconds / photos, cpu / photos, records)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--targets", nargs="+", default=["bottles", "red cans", "boxes"])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--checkpoint", default=None)
    options = parser.parse_args()
    if options.workers == 1:
        import torch

        torch.set_num_threads(1)
    paths = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in (".jpg", ".png"))
    calls = tuple(Call.of("count", {"target": target}) for target in options.targets)
    works = [Work(PhotoRef(path.name, str(path), "1"), calls) for path in paths[: options.photos]]
    bench = partial(open_bench, options.checkpoint, {}, False, engine_fingerprint(options.checkpoint))
    for _ in range(options.rounds):
        local = measure(lambda: LocalEngine(bench()), works)
        ray = measure(lambda: RayEngine(bench, workers=options.workers), works)
        for name, pace in (("local", local), ("ray", ray)):
            sys.stdout.write(
                f"{name}: {pace.seconds * 1000:.0f} ms a photo ({pace.cpu * 1000:.0f} CPU ms), "
                f"first photo after {pace.start:.1f} s\n"
            )
        sys.stdout.write(
            f"ratio {ray.seconds / local.seconds:.2f} ({ray.cpu / local.cpu:.2f} by CPU seconds), "
            f"records {'equal' if ray.records == local.records else 'differ'}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
