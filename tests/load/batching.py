"""What sharing encoder batches gains: views per second of several threads against the same calls in sequence.

    python -m tests.load.batching [--checkpoint NAME|PATH] [--calls 120] [--views 2]

Without a checkpoint a tiny one of random weights is used. Prints one JSON object.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from segmentation.sharing import SharedClipSeg
from tests.tiny import save_tiny_checkpoint


def measured(engine: SharedClipSeg, calls: int, views: int, threads: int) -> dict[str, float]:
    """Views by wall clock and by processor time; every call has views of its own, so no cache helps."""
    chance = np.random.default_rng(threads)
    batches = [chance.integers(0, 255, (views, engine.size, engine.size, 3)).astype(np.uint8) for _ in range(calls)]
    before, begun, used = engine.batches, time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(engine.encode, batches))
    return {
        "views_per_second": round(calls * views / (time.perf_counter() - begun), 1),
        "views_per_cpu_second": round(calls * views / (time.process_time() - used), 1),
        "callers_per_batch": round(calls / (engine.batches - before), 2),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--calls", type=int, default=120)
    parser.add_argument("--views", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = SharedClipSeg.load(options.checkpoint or save_tiny_checkpoint(Path(folder) / "tiny"))
        measured(engine, 10, options.views, 1)  # warm
        threads = {n: measured(engine, options.calls, options.views, n) for n in (1, 2, 4, 8, 16)}
    gain = {n: round(each["views_per_second"] / threads[1]["views_per_second"], 2) for n, each in threads.items()}
    report = {"threads": threads, "gain": gain, "cpus": os.cpu_count(), "load_average": os.getloadavg()[0]}
    print(json.dumps(report, indent=2))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
