"""A small world for batches: photos of a few bytes, tools that answer from those bytes, a disk that fails."""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.batch.call import Call
from agent.batch.disk import Disk
from agent.batch.errors import StorageError
from agent.batch.folder import Job, RunFolder
from agent.batch.instructions import Output, parse_instructions
from agent.batch.local import LocalEngine
from agent.batch.photos import PhotoRef
from agent.batch.plan import make_plan
from agent.batch.runner import Choices, Summary, run_batch
from agent.batch.work import Engine, Outcome
from segmentation.errors import PhotoError, TargetError
from tools.arguments import CountArguments, PhotoArguments
from tools.records import CountRecord, ImageInfo, Instance, ModelInfo, PromptUsed, Wording
from tools.registry import Registry, Tool

ENGINE = "fake 1"


def count_record(target: str, data: bytes, count: int, name: str = "photo.jpg", **changes: Any) -> CountRecord:
    """A record that depends on its arguments alone."""
    sha = hashlib.sha256(data).hexdigest()
    wording = Wording(text=target)
    values: dict[str, Any] = {
        "target": target,
        "prompt_used": PromptUsed(original=wording, chosen=(wording,)),
        "count": count,
        "low": count,
        "high": count + count // 4,
        "components": count,
        "instances": tuple(
            Instance(id=number + 1, box=(10 * number, 0, 10 * number + 8, 20), score=0.5, evidence=("label",))
            for number in range(count)
        ),
        "excluded": (),
        "presence": 0.5,
        "saturated": False,
        "warnings": (),
        "image": ImageInfo(id=sha[:12], sha256=sha, width=200, height=100, name=name),
        "model": ModelInfo(checkpoint="tiny", sha256=None, device="cpu", dtype="float32"),
        "seconds": {},
    }
    return CountRecord(**(values | changes))


@dataclass(frozen=True)
class Loaded:
    """What the fake bench takes for a photo."""

    name: str
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


class FakeBench:
    """Counts the bytes of a photo modulo ten and notes every load and call. `before` may raise or kill."""

    def __init__(self, before: Callable[[Loaded, Call], None] = lambda photo, call: None) -> None:
        self.loads: list[str] = []
        self.calls: list[tuple[str, str]] = []
        self.given_up = threading.Event()
        self._before = before

    def load(self, photo: PhotoRef) -> Loaded:
        self.loads.append(photo.name)
        try:
            data = Path(photo.uri).read_bytes()
        except OSError as error:
            raise PhotoError(f"{photo.name}: no such file") from error
        if data.startswith(b"broken"):
            raise PhotoError(f"{photo.name}: damaged or cut off")
        return Loaded(photo.name, data)

    def run(self, photo: Loaded, calls: Sequence[Call]) -> list[Outcome]:
        return [self._call(photo, call) for call in calls]

    def _call(self, photo: Loaded, call: Call) -> Outcome:
        self.calls.append((photo.name, call.label()))
        self._before(photo, call)
        if call.plain().get("target") == "nonsense":
            return Outcome(call, None, str(TargetError("nonsense names nothing")))
        number = int(hashlib.sha256(photo.data + call.arguments.encode()).hexdigest(), 16) % 10
        record = count_record(str(call.plain().get("target")), photo.data, number, photo.name)
        return Outcome(call, record.model_dump_json())

    def draw(self, photo: Loaded, outcome: Outcome) -> Outcome:
        picture = None if outcome.record is None else b"picture of " + photo.data
        return Outcome(outcome.call, outcome.record, outcome.error, picture)

    def give_up(self) -> None:
        self.given_up.set()


class FailingDisk(Disk):
    """A disk on which the k-th primitive fails: half of a write is done, anything else not at all."""

    def __init__(self, fails_at: int, end: Callable[[], None] | None = None) -> None:
        self.operations = 0
        self._fails_at = fails_at
        self._end = end

    def _tick(self) -> bool:
        self.operations += 1
        return self.operations == self._fails_at

    def _fail(self) -> None:
        if self._end:
            self._end()
        raise StorageError("no space left on device")

    def open(self, path: Path, flags: int) -> int:
        if self._tick():
            self._fail()
        return super().open(path, flags)

    def write(self, descriptor: int, data: bytes) -> int:
        if self._tick():
            os.write(descriptor, data[: len(data) // 2])
            self._fail()
        return super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        if self._tick():
            self._fail()
        super().sync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        if self._tick():
            self._fail()
        super().rename(source, target)


def registry() -> Registry:
    """Tools of the real names and arguments that are only there to be checked against."""

    def run(arguments: Any, progress: Any) -> CountRecord:
        raise AssertionError("a plan runs nothing")

    return Registry(
        (
            Tool("count", "Count.", CountArguments, run),
            Tool("read_labels", "Read.", PhotoArguments, run),
        )
    )


class WordPlanner:
    """Plans "count A and B" as two counts; notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def plan(self, sentence: str) -> tuple[Call, ...]:
        self.asked.append(sentence)
        if not sentence.startswith("count "):
            raise TargetError("say what to count")
        return tuple(Call.of("count", {"target": part}) for part in sentence[6:].split(" and "))


def photos(folder: Path, number: int, start: int = 0) -> list[Path]:
    """That many small different photos in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{index:04}.jpg" for index in range(start, start + number)]
    for index, path in enumerate(paths, start=start):
        path.write_bytes(b"photo %d" % index)
    return paths


def journal(out: Path) -> list[dict[str, Any]]:
    """All entries of a run's journal, read without the code under test."""
    return [json.loads(line) for line in (out / "journal.jsonl").read_text("utf-8").splitlines()]


def finished_tasks(out: Path) -> list[str]:
    """The ids of the tasks that are done, as often as they stand in the journal."""
    return [entry["task"] for entry in journal(out) if entry["event"] == "done"]


def noted(out: Path, event: str) -> int:
    """How often an event stands in the journal of a run that may be going on, or may not have begun."""
    path = out / "journal.jsonl"
    return path.read_bytes().count(b'{"event":"%s"' % event.encode()) if path.exists() else 0


def results(out: Path) -> dict[str, bytes]:
    """Every result file and overlay, by its path."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in ("journal.jsonl", ".lock")
    }


class Silent:
    """A Watcher that only remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def begin(self, tasks: int, done: int, failed: int) -> None:
        self.seen.append((done, failed))

    def advance(self, photo: str, done: int, failed: int) -> None:
        self.seen.append((done, failed))


ALL_OUTPUTS: tuple[Output, ...] = ("jsonl", "csv", "coco", "labelstudio", "overlays", "report")


def run_fake(
    folder: Path,
    out: Path,
    text: str = "photos: shelf\nrequests: [{target: cans}, {target: jars}]\n",
    bench: FakeBench | None = None,
    disk: Disk | None = None,
    stop: threading.Event | None = None,
    watcher: Silent | None = None,
    engine: str = ENGINE,
    outputs: tuple[Output, ...] = ALL_OUTPUTS,
    make_engine: Callable[[], Engine] | None = None,
    **choices: Any,
) -> Summary:
    """One process of a batch on fake tools: the photos lie in `folder`/shelf."""
    instructions = parse_instructions(text.encode(), folder / "job.yaml")
    place = RunFolder(out, disk or Disk())
    known = place.job()
    plan = make_plan(instructions, WordPlanner(), registry(), outputs, known.planned() if known else {})
    return run_batch(
        plan,
        Job.of(plan, engine),
        place,
        make_engine or (lambda: LocalEngine(bench or FakeBench())),
        watcher or Silent(),
        Choices(**choices),
        stop or threading.Event(),
    )
