"""`shelf batch` against `shelf count` in a loop, on the same photos and targets, one after the other.

    python -m tests.load.batch_throughput FOLDER --photos 100 --targets bottles "red cans" boxes [--enough 8]

Prints seconds, CPU seconds and their ratio, and how many of the counts are equal. CPU seconds bear other work on
the machine better than seconds do. With --enough the loop ends once it has taken that many times as long as the whole
batch, by both clocks: the whole loop takes longer still, so what is printed is then a lower bound.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

Counts = dict[tuple[str, str], int]


def shelf(*arguments: str) -> str:
    command = [sys.executable, "-c", "from agent.cli import main; main()", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def clocks() -> tuple[float, float]:
    """Seconds, and CPU seconds of the processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic(), used.ru_utime + used.ru_stime


def timed(work: Callable[[], Counts]) -> tuple[Counts, float, float]:
    """The counts, seconds and CPU seconds of the processes that were started."""
    began, before = clocks()
    counts = work()
    ended, after = clocks()
    return counts, ended - began, after - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--targets", nargs="+", default=["bottles", "red cans", "boxes"])
    parser.add_argument("--checkpoint", default=None)
    parser.add_argument("--enough", type=float, default=float("inf"))
    options = parser.parse_args()
    weights = ["--checkpoint", options.checkpoint] if options.checkpoint else []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "photos").mkdir()
        photos = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in (".jpg", ".png"))
        for path in photos[: options.photos]:
            shutil.copy(path, folder / "photos" / path.name)
        job = {"photos": "photos", "requests": [{"target": target} for target in options.targets], "outputs": ["jsonl"]}
        (folder / "job.yaml").write_text(json.dumps(job))

        def batch() -> Counts:
            shelf("batch", str(folder / "job.yaml"), "--out", str(folder / "out"), *weights)
            records = [json.loads(line)["record"] for line in (folder / "out" / "records.jsonl").open()]
            return {(record["image"]["name"], record["target"]): record["count"] for record in records}

        def loop() -> Counts:
            began, before = clocks()
            counts: Counts = {}
            for number, path in enumerate(sorted((folder / "photos").iterdir())):
                now, used = clocks()
                if min((now - began) / batch_seconds, (used - before) / batch_cpu) > options.enough:
                    break
                sys.stderr.write(f"photo {number + 1} of the loop\n")
                for target in options.targets:
                    record = json.loads(shelf("count", str(path), target, "--json", *weights))
                    counts[record["image"]["name"], target] = record["count"]
            return counts

        together, batch_seconds, batch_cpu = timed(batch)
        sys.stderr.write(f"batch: {batch_seconds:.0f} s ({batch_cpu:.0f} CPU s)\n")
        single, loop_seconds, loop_cpu = timed(loop)
    equal = sum(together[key] == count for key, count in single.items())
    sys.stdout.write(
        f"batch: {len(together)} tasks in {batch_seconds:.0f} s ({batch_cpu:.0f} CPU s)\n"
        f"loop: {len(single)} tasks in {loop_seconds:.0f} s ({loop_cpu:.0f} CPU s), {equal} of their counts equal\n"
        f"ratio: {'over ' * (len(single) < len(together))}{loop_seconds / batch_seconds:.1f} "
        f"({loop_cpu / batch_cpu:.1f} by CPU seconds)\n"
    )


if __name__ == "__main__":
    main()
