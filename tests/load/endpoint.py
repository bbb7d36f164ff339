"""Load on `shelf serve` with a tiny checkpoint: right answers, clean refusals, health under slow writers.

    python -m tests.load.endpoint [--requests 2000] [--concurrency 32] [--photos 16]

Each photo is counted once alone; then all of them are counted over and over by many clients at once. A client that is
told to come back later comes back after Retry-After. Prints one JSON object; exit code 1 when a promise is broken.
"""

import argparse
import http.client
import io
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image, ImageDraw

from tests.tiny import save_tiny_checkpoint

PATIENCE = 300.0
SHELF = Path(sys.executable).with_name("shelf")


def picture(seed: int) -> bytes:
    """A small shelf of coloured packs, different for each seed."""
    chance = random.Random(seed)
    image = Image.new("RGB", (240, 180), "white")
    draw = ImageDraw.Draw(image)
    for x in range(5, 230, 30):
        for y in (10, 95):
            if chance.random() < 0.8:
                colour = tuple(chance.randrange(256) for _ in range(3))
                draw.rectangle((x, y, x + 24, y + 70), fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


class Client:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def send(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> tuple:
        """Status, headers and body of one answer."""
        self._connection.request(method, path, body, {"content-type": kind} if body is not None else {})
        response = self._connection.getresponse()
        return response.status, response.headers, response.read()


def start(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """The server as its users start it, on a port of its own."""
    checkpoint = save_tiny_checkpoint(folder / "tiny")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [str(SHELF), "serve", "--port", str(port), "--checkpoint", str(checkpoint)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            Client(port).send("GET", "/healthz")
            break
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.1)
    # What it writes from now on is read away, or a full pipe would stop it.
    threading.Thread(target=lambda: process.stderr and process.stderr.read(), daemon=True).start()
    return process, port


def count(client: Client, image: str) -> tuple:
    """One call of the count tool."""
    body = json.dumps({"image": image, "target": "red box", "optimize": False}).encode()
    return client.send("POST", "/v1/tools/count", body)


def answer(body: bytes) -> tuple[str, int]:
    """What has to be the same for the same photo."""
    record = json.loads(body)
    return record["image"]["id"], record["count"]


def load(port: int, truth: dict[str, tuple[str, int]], requests: int, concurrency: int) -> dict[str, object]:
    """Many clients at once; each answer is compared with that of its own photo."""
    statuses: Counter[int] = Counter()
    seconds: list[float] = []
    faults: list[str] = []
    jobs = iter(random.Random(1).choices(sorted(truth), k=requests))
    lock = threading.Lock()

    def work(_: int) -> None:
        client = Client(port)
        while True:
            with lock:
                image = next(jobs, None)
            if image is None:
                return
            while True:
                begun = time.perf_counter()
                status, headers, body = count(client, image)
                taken = time.perf_counter() - begun
                with lock:
                    statuses[status] += 1
                    if status == 200:
                        seconds.append(taken)
                        if answer(body) != truth[image]:
                            faults.append(f"{image}: {answer(body)} instead of {truth[image]}")
                    elif status not in (429, 503) or not headers.get("retry-after", "").isdecimal():
                        faults.append(f"status {status}")
                if status not in (429, 503):
                    break
                time.sleep(min(2.0, float(headers["retry-after"])))

    begun = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(work, range(concurrency)))
    total = time.perf_counter() - begun
    quantiles = statistics.quantiles(seconds, n=100)
    return {
        "requests": requests,
        "concurrency": concurrency,
        "statuses": dict(statuses),
        "p50_s": round(quantiles[49], 3),
        "p95_s": round(quantiles[94], 3),
        "per_second": round(requests / total, 2),
        "faults": faults[:10],
    }


def slow_writers(port: int, sockets: int = 100, probes: int = 300) -> dict[str, object]:
    """Health checks while many sockets send a byte now and then."""
    head = b"POST /v1/images HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 99999\r\n\r\n"
    writers = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(sockets)]
    for writer in writers:
        writer.sendall(head)
    client, seconds = Client(port), []
    for probe in range(probes):
        writers[probe % sockets].sendall(b"x")
        begun = time.perf_counter()
        assert client.send("GET", "/healthz")[0] == 200
        seconds.append(time.perf_counter() - begun)
        time.sleep(0.01)
    for writer in writers:
        writer.close()
    ordered = sorted(seconds)
    return {
        "sockets": sockets,
        "p50_ms": round(1000 * ordered[probes // 2], 1),
        "p99_ms": round(1000 * ordered[int(probes * 0.99)], 1),
    }


def vanish(port: int, images: list[str], clients: int = 200) -> dict[str, object]:
    """Clients that ask and hang up at once; afterwards nothing may be waiting or running for them."""
    body = json.dumps({"image": images[0], "target": "blue box", "optimize": False}).encode()
    for _ in range(clients):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as gone:
            fields = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            head = f"POST /v1/tools/count HTTP/1.1\r\n{fields}"
            gone.sendall(head.encode() + body)
    begun = time.perf_counter()
    client = Client(port)
    while True:
        text = client.send("GET", "/metrics")[2].decode()
        if "shelf_waiting 0\n" in text and "shelf_running 0\n" in text:
            return {"clients": clients, "free_after_s": round(time.perf_counter() - begun, 2)}
        if time.perf_counter() - begun > PATIENCE:
            return {"clients": clients, "free_after_s": None}
        time.sleep(0.05)


def main() -> int:
    """Run everything; 1 when a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--photos", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        process, port = start(Path(folder))
        try:
            client = Client(port)
            images = []
            for seed in range(options.photos):
                images.append(json.loads(client.send("POST", "/v1/images", picture(seed), "image/png")[2])["id"])
            truth = {image: answer(count(client, image)[2]) for image in images}
            alone = []
            for image in images * 3:  # warm, as the load finds it
                begun = time.perf_counter()
                count(client, image)
                alone.append(time.perf_counter() - begun)
            report: dict[str, object] = {"alone_per_second": round(len(alone) / sum(alone), 2)}
            report["load"] = load(port, truth, options.requests, options.concurrency)
            report["slow_writers"] = slow_writers(port)
            report["vanished"] = vanish(port, images)
            process.send_signal(signal.SIGTERM)
            begun = time.perf_counter()
            report["exit_code"] = process.wait(PATIENCE)
            report["stopped_after_s"] = round(time.perf_counter() - begun, 2)
        finally:
            if process.poll() is None:
                process.kill()
    print(json.dumps(report | {"cpus": os.cpu_count(), "load_average": os.getloadavg()[0]}, indent=2))  # noqa: T201
    held = not report["load"]["faults"] and report["slow_writers"]["p99_ms"] < 100  # type: ignore[index,operator]
    return 0 if held and report["vanished"]["free_after_s"] is not None else 1  # type: ignore[index]


if __name__ == "__main__":
    sys.exit(main())
