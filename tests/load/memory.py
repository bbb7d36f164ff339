"""Memory of a server's work over many photos of random sizes; with --leak a planted leak must be found.

    python -m tests.load.memory [--photos 2000] [--tool count|read_labels] [--leak]

Growth is taken from the middle of the run to its end: caches, at the sizes of the product, fill in the first half.
Exit code 1 when more than 100 MB were added.
"""

import argparse
import asyncio
import io
import json
import os
import random
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from segmentation.counter import Counter
from segmentation.sharing import SharedClipSeg
from tests.tiny import save_tiny_checkpoint
from tools.catalog import build_registry
from tools.serving.service import Service
from tools.store import ImageStore

ALLOWED_MB = 100.0
LEAKED = 400_000  # bytes a photo: much less than its pixels


def resident_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def picture(chance: random.Random) -> bytes:
    """A JPEG of random size and content."""
    width, height = chance.randrange(60, 1600), chance.randrange(60, 1600)
    small = np.frombuffer(chance.randbytes(16 * 16 * 3), np.uint8).reshape(16, 16, 3)
    buffer = io.BytesIO()
    Image.fromarray(small).resize((width, height)).save(buffer, "JPEG")
    return buffer.getvalue()


async def run(service: Service, tool: str, photos: int, leak: bool) -> list[float]:
    """Upload, look at and draw that many photos; memory after each tenth of them."""
    chance, leaked, trace = random.Random(4), [], []
    for number in range(photos):
        photo = await service.upload(picture(chance), f"{number}.jpg", "load")
        arguments = {"image": photo.id} | ({"target": "red box", "optimize": False} if tool == "count" else {})
        result = await service.call(tool, arguments, "load")
        if tool == "count":
            await service.picture(result.id, "load")
        if leak:
            leaked.append(np.ones(LEAKED, np.uint8))
        if (number + 1) % max(1, photos // 10) == 0:
            trace.append(resident_mb())
    return trace


def main() -> int:
    """Run; 1 when memory grew too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--leak", action="store_true", help="keep a part of every photo: this run must fail")
    parser.add_argument("--tool", choices=("count", "read_labels"), default="count")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = save_tiny_checkpoint(Path(folder) / "tiny")
        store = ImageStore()
        counter = Counter(str(checkpoint), SharedClipSeg.load)
        service = Service(store, build_registry(store, counter), summarise=lambda *_: "")
        trace = asyncio.run(run(service, options.tool, options.photos, options.leak))
    growth = trace[-1] - trace[len(trace) // 2 - 1]
    report = {
        "tool": options.tool,
        "photos": options.photos,
        "megabytes": [round(each) for each in trace],
        "growth": round(growth, 1),
    }
    print(json.dumps(report))  # noqa: T201
    return 1 if growth > ALLOWED_MB else 0


if __name__ == "__main__":
    sys.exit(main())
