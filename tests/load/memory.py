"""Memory of a server over many photos of random sizes; with --leak a planted leak must be found.

    python -m tests.load.memory [--photos 2000] [--leak]

Every photo is uploaded, counted and drawn through the whole application: plain HTTP and MCP in turn, and one photo in
two hundred asks for a name, which reads labels and searches for copies. Only the sockets are left out. The photos are
small, so that the run ends; the caches are smaller than the product's by as much, so that all but that of the records
(a few MB in the whole run) are full by its middle. Growth is the median over the last tenth of the photos less that
over the fifth: peaks differ by more than a leak, since free memory is given back only now and then. Exit code 1 when
more than 100 MB were added.
"""

import argparse
import io
import json
import os
import random
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from starlette.testclient import TestClient

from segmentation import clipseg
from segmentation.counter import Counter
from segmentation.sharing import SharedClipSeg
from tests.tiny import save_tiny_checkpoint
from tools.catalog import build_registry
from tools.serving.http import build_app
from tools.serving.service import Service
from tools.store import ImageStore, Limits

ALLOWED_MB = 100.0
LEAKED = 200_000  # bytes a photo, as if some of the decoded ones were kept
LIMITS = Limits(pixel_bytes=64 * 2**20, upload_bytes=2 * 2**20)
VIEW_BYTES = 32 * 2**20
NAMED = 200  # one photo in so many asks for a name: seconds, where others take tenths
NAME = "Harka"
PARTS = 10


def resident_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def picture(chance: random.Random) -> bytes:
    """A JPEG of random size: packs of random colours with a name on them."""
    width, height = chance.randrange(60, 360), chance.randrange(60, 360)
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for x in range(10, width - 80, 110):
        for y in range(10, height - 60, 90):
            draw.rectangle((x, y, x + 90, y + 70), fill=tuple(chance.randrange(256) for _ in range(3)))
            draw.text((x + 15, y + 20), NAME, fill="black", font_size=24)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def look(client: TestClient, number: int, photo: bytes) -> None:
    """Upload, count and draw one photo, over plain HTTP or over MCP."""
    uploaded = client.post("/v1/images", content=photo, headers={"content-type": "image/jpeg"})
    uploaded.raise_for_status()
    target = f"{NAME} boxes" if number % NAMED == 0 else "red box"
    arguments = {"image": uploaded.json()["id"], "target": target, "optimize": False}
    if number % 2:
        call = {"name": "count", "arguments": arguments, "_meta": {"shelf-agent/picture": True}}
        body = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call}
        answer = client.post("/mcp", json=body, headers={"accept": "application/json, text/event-stream"})
        result = answer.raise_for_status().json()["result"]
        assert not result.get("isError"), result
        assert result["content"][-1]["type"] == "image"
    else:
        counted = client.post("/v1/tools/count", json=arguments)
        counted.raise_for_status()
        client.get(counted.headers["content-location"] + "/picture").raise_for_status()


def run(client: TestClient, photos: int, leak: bool) -> list[float]:
    """Resident memory after each of that many photos, in MB."""
    chance, leaked, trace = random.Random(4), [], []
    for number in range(photos):
        look(client, number, picture(chance))
        if leak:
            leaked.append(np.ones(LEAKED, np.uint8))
        trace.append(resident_mb())
    return trace


def main() -> int:
    """Run; 1 when memory grew too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--leak", action="store_true", help="keep a part of every photo: this run must fail")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = save_tiny_checkpoint(Path(folder) / "tiny")
        store = ImageStore(limits=LIMITS)
        clipseg.ACTIVATION_CACHE_BYTES = VIEW_BYTES
        counter = Counter(str(checkpoint), SharedClipSeg.load)
        service = Service(store, build_registry(store, counter), summarise=lambda *_: "")
        with TestClient(build_app(service, grace=0), base_url="http://127.0.0.1") as client:
            trace = run(client, options.photos, options.leak)
    parts = [trace[len(trace) * part // PARTS : len(trace) * (part + 1) // PARTS] for part in range(PARTS)]
    medians = [statistics.median(part) for part in parts]
    growth = medians[-1] - medians[PARTS // 2 - 1]
    report = {
        "photos": options.photos,
        "leak": options.leak,
        "medians_mb": [round(each) for each in medians],
        "peaks_mb": [round(max(part)) for part in parts],
        "growth_mb": round(growth, 1),
    }
    print(json.dumps(report))  # noqa: T201
    return 1 if growth > ALLOWED_MB else 0


if __name__ == "__main__":
    sys.exit(main())
