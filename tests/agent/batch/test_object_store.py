"""Photos in an S3 bucket (moto's server on this machine) that refuses now and then, and results that go back to it."""

import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.batch.disk import Disk
from agent.batch.folder import RunFolder
from agent.batch.photos import READ_TRIES, PhotoRef, read_url
from agent.batch.results.publish import publish_results
from tests.agent.batch.fakes import FakeBench, Loaded, results, run_fake

moto_server = pytest.importorskip("moto.server", reason="moto is not installed")
s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")

# Warnings of moto, botocore and aiobotocore about themselves are not ours to mend.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SLOW_DOWN = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"""


class Throttle:
    """An S3 server that answers 503 SlowDown to the first reads of each object, as often as it is told."""

    def __init__(self, store: Callable[..., Iterable[bytes]]) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.refusals: dict[str, int] = {}  # by the end of the object's name
        self.refused: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] == "GET" and path.endswith(".jpg"):
            with self._lock:
                allowed = next((n for end, n in self.refusals.items() if path.endswith(end)), 0)
                if self.refused[path] < allowed:
                    self.refused[path] += 1
                    start_response("503 Slow Down", [("Content-Type", "application/xml")])
                    return [SLOW_DOWN]
        return self._store(environ, start_response)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Throttle]:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    throttle = Throttle(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, throttle, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    urllib.request.urlopen(urllib.request.Request(f"{address}/moto-api/reset", method="POST")).close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # What is tested is what comes after the patience of the client libraries.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    bucket = s3fs.S3FileSystem()
    bucket.mkdir("audit")
    for number in range(12):
        bucket.pipe(f"audit/shelf/{number:04}.jpg", b"photo %d" % number)
    yield throttle
    s3fs.S3FileSystem.clear_instance_cache()
    server.shutdown()
    thread.join()
    server.server_close()


class RemoteBench(FakeBench):
    """Reads the objects as the product's bench does, without its waits."""

    def load(self, photo: PhotoRef) -> Loaded:
        return Loaded(photo.name, read_url(photo.uri, 1000, lambda seconds: None))


JOB = "photos: s3://audit/shelf\nrequests: [{target: cans}, {target: jars}]\n"


def test_a_bucket_that_throttles_gives_the_rows_of_one_that_does_not(store: Throttle, tmp_path: Path) -> None:
    calm = run_fake(tmp_path, tmp_path / "calm", JOB, bench=RemoteBench())
    store.refusals = {f"{number}.jpg": number % READ_TRIES for number in range(10)}

    summary = run_fake(tmp_path, tmp_path / "busy", JOB, bench=RemoteBench())

    assert (calm.done, summary.done, summary.failed) == (24, 24, 0)
    assert sum(store.refused.values()) >= 12
    assert results(tmp_path / "busy") == results(tmp_path / "calm")


def test_an_object_that_is_always_refused_costs_its_rows_until_they_are_tried_again(
    store: Throttle, tmp_path: Path
) -> None:
    store.refusals = {"0007.jpg": 10_000}

    summary = run_fake(tmp_path, tmp_path / "out", JOB, bench=RemoteBench())

    assert (summary.ending, summary.done, summary.failed) == ("complete", 22, 2)
    assert (
        b"SlowDown" in results(tmp_path / "out")["counts.csv"]
        or b"reduce your request rate" in results(tmp_path / "out")["counts.csv"]
    )
    store.refusals = {}
    again = run_fake(tmp_path, tmp_path / "out", JOB, bench=RemoteBench(), start="resume", retry_failed=True)
    assert (again.done, again.failed, again.fresh) == (24, 0, 2)


def test_results_go_back_to_the_bucket_whole(store: Throttle, tmp_path: Path) -> None:
    run_fake(tmp_path, tmp_path / "out", JOB, bench=RemoteBench())

    number = publish_results(RunFolder(tmp_path / "out", Disk()), ("jsonl", "csv", "overlays"), "s3://audit/results")

    bucket = s3fs.S3FileSystem()
    copied = {path.removeprefix("audit/results/"): bucket.cat(path) for path in bucket.find("audit/results")}
    assert number == len(copied) == 2 + 24
    assert copied == {name: data for name, data in results(tmp_path / "out").items() if name in copied}
