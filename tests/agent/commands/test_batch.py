"""`shelf batch` from the outside: real photos, real store, a tool that counts dark pixels."""

import json
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from PIL import Image
from typer import Typer
from typer.testing import CliRunner

from agent.batch.bench import ToolBench
from agent.batch.local import LocalEngine
from agent.batch.work import LANES
from agent.commands.batch import register
from agent.workbench import Workbench
from tests.agent.batch.fakes import count_record, results
from tools.arguments import CountArguments
from tools.records import CountRecord, ImageInfo
from tools.registry import Progress, Registry, Tool
from tools.store import ImageStore


class Shop:
    """A folder with photos and instructions, and the command line over a fake counter."""

    def __init__(self, folder: Path, before: Callable[[], None] = lambda: None) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.counted: list[str] = []
        self.fingerprint = "fake 1"
        self._before = before
        self._counting = Lock()
        self._app = Typer()
        self._app.callback()(lambda: None)
        register(self._app)

    def photos(self, number: int) -> None:
        (self.folder / "shelf").mkdir()
        for index in range(number):
            Image.new("RGB", (320, 240), (index, 80, 120)).save(self.folder / "shelf" / f"{index}.png")

    def write(self, text: str, name: str = "job.yaml") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def open(self, checkpoint: str | None) -> Workbench:
        store = ImageStore()

        def count(arguments: CountArguments, progress: Progress) -> CountRecord:
            photo = store.get(arguments.image)
            with self._counting:  # photos are counted at once; what `before` sees must hold until it has acted
                self._before()
                self.counted.append(f"{photo.name} {arguments.target}")
            info = ImageInfo(id=photo.id, sha256=photo.sha256, width=320, height=240, name=photo.name)
            return count_record(arguments.target, b"", int(photo.pixels[0, 0, 0]), image=info, instances=())

        return Workbench(store, Registry((Tool("count", "Count.", CountArguments, count),)), lambda: self.fingerprint)

    def __call__(self, *arguments: str | Path) -> Any:
        return CliRunner().invoke(self._app, ["batch", *map(str, arguments)], obj=self.open)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.photos(3)
    return made


JOB = "photos: shelf\nrequests: [{target: cans}, {target: jars}]\n"


def test_a_batch_counts_every_photo_and_leaves_its_results(shop: Shop) -> None:
    done = shop(shop.write(JOB), "--out", shop.out)

    assert done.exit_code == 0, done.output
    assert "6 of 6 tasks done, 0 failed" in done.stdout
    assert set(results(shop.out)) - {"job.json"} >= {"records.jsonl", "counts.csv", "report.html"}
    assert len(list(shop.out.glob("overlays/*.jpg"))) == 6
    rows = [json.loads(line) for line in (shop.out / "records.jsonl").read_text().splitlines()]
    assert [(row["photo"], row["label"], row["record"]["count"]) for row in rows][:3] == [
        ("shelf/0.png", "cans", 0),
        ("shelf/0.png", "jars", 0),
        ("shelf/1.png", "cans", 1),
    ]


def test_json_prints_the_summary_and_nothing_else(shop: Shop) -> None:
    done = shop("run", shop.write(JOB), "--out", shop.out, "--json")

    assert json.loads(done.stdout)["done"] == 6
    assert "6 tasks, 0 done" in done.stderr


def test_a_photo_that_cannot_be_read_is_a_row_and_exit_code_1(shop: Shop) -> None:
    (shop.folder / "shelf" / "1.png").write_bytes(b"no picture")

    done = shop(shop.write(JOB), "--out", shop.out)

    assert done.exit_code == 1
    assert "4 of 6 tasks done, 2 failed" in done.stdout
    assert "not a readable image" in (shop.out / "counts.csv").read_text("utf-8-sig")
    assert shop(shop.folder / "job.yaml", "--out", shop.out, "--retry-failed").exit_code == 1


def test_every_problem_is_one_line_on_standard_error_and_exit_code_2(shop: Shop) -> None:
    done = shop("check", shop.write("photos: [shelf, nowhere.jpg]\nrequests: [{target: cans, row: two}]\nx: 1\n"))

    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        "job.yaml: line 1: 'nowhere.jpg': no such file or directory",
        "job.yaml: line 2: count: row: Input should be a valid integer",
        "job.yaml: line 3: unknown key 'x'; known: photos, requests, outputs, publish",
    ]
    assert done.stdout == ""


def test_check_shows_the_plan_and_does_no_work(shop: Shop) -> None:
    done = shop("check", shop.write(JOB))

    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "3 photos, 6 tasks; outputs: jsonl, csv, overlays, report",
        "3 × cans",
        "3 × jars",
        "time: not measured; --sample 3 counts on three photos to tell",
    ]
    assert shop.counted == []


def test_check_measures_the_time_on_a_sample(shop: Shop) -> None:
    done = shop("check", shop.write(JOB), "--sample", "2", "--json")

    assert json.loads(done.stdout)["seconds"] >= 0
    assert {line.split()[0] for line in shop.counted} == {"0.png", "2.png"}


def test_sentences_are_planned_by_the_rules(shop: Shop) -> None:
    text = 'photos: shelf\nrequests: ["how many red cans are on the second shelf?"]\n'

    done = shop("check", shop.write(text), "--planner", "rules", "--json")

    (asked,) = json.loads(done.stdout)["asked"]
    assert json.loads(asked["arguments"]) == {"row": 2, "target": "red cans"}
    assert asked["photos"] == 3


def test_a_sentence_that_cannot_be_planned_is_named_with_its_line(shop: Shop) -> None:
    done = shop("check", shop.write("photos: shelf\nrequests:\n  - {target: cans}\n  - hello\n"), "--planner", "rules")

    assert done.exit_code == 2
    assert done.stderr.startswith("job.yaml: line 4: 'hello' cannot be planned: ")


def test_a_second_run_is_refused_resumed_or_started_over(shop: Shop) -> None:
    job = shop.write(JOB)
    shop(job, "--out", shop.out)
    refused = shop(job, "--out", shop.out)
    resumed = shop(job, "--out", shop.out, "--resume")
    shop.fingerprint = "fake 2"
    changed = shop(job, "--out", shop.out, "--resume")
    accepted = shop(job, "--out", shop.out, "--accept-changes")
    new = shop(job, "--out", shop.out, "--new")

    assert "--resume" in str(refused.exception)
    assert resumed.exit_code == accepted.exit_code == new.exit_code == 0
    assert "'fake 1' and is 'fake 2'" in str(changed.exception)
    assert len(shop.counted) == 18


def test_ctrl_c_ends_after_the_photos_in_work_and_says_how_to_go_on(tmp_path: Path) -> None:
    shop = Shop(tmp_path, lambda: signal.raise_signal(signal.SIGINT) if len(shop.counted) == 1 else None)
    shop.photos(LANES + 3)

    stopped = shop(shop.write(JOB), "--out", shop.out)

    assert stopped.exit_code == 1
    assert "finishing the photos in work" in stopped.stderr
    assert "stopped (interrupted); go on with --resume" in stopped.stderr
    # The signal came with the second task, so no photo was finished: what was in work then is finished with all its
    # requests, and nothing was begun since. How many were in work is for the threads to settle.
    photos = Counter(line.split()[0] for line in shop.counted)
    assert 1 <= len(photos) <= LANES
    assert set(photos.values()) == {2}
    assert not (shop.out / "report.html").exists()
    assert shop(shop.folder / "job.yaml", "--out", shop.out, "--resume").exit_code == 0
    assert len(shop.counted) == len(set(shop.counted)) == 2 * (LANES + 3)


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_the_batch_size_is_how_many_photos_a_model_counts_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    lanes: list[int] = []

    def local(make_bench: object, *_: object, **options: int) -> LocalEngine:
        lanes.append(options["lanes"])
        return LocalEngine(ToolBench.of(shop.open(None), {}, False))

    monkeypatch.setattr(f"agent.batch.{'local.LocalEngine' if engine == 'local' else 'cluster.RayEngine'}", local)
    job = shop.write(JOB)

    for size in ((), ("--batch-size", "5")):
        assert shop(job, "--out", shop.out, "--new", "--engine", engine, *size).exit_code == 0

    assert lanes == [LANES, 5]


def test_results_and_photos_may_be_in_an_object_store(shop: Shop) -> None:
    import fsspec

    store = fsspec.filesystem("memory")
    store.put(str(shop.folder / "shelf"), "/bucket/in", recursive=True)
    text = "photos: memory://bucket/in/*.png\nrequests: [{target: cans}]\npublish: memory://bucket/results\n"
    try:
        done = shop(shop.write(text), "--out", shop.out)
        published = {path.removeprefix("/bucket/results/"): store.cat(path) for path in store.find("/bucket/results")}
    finally:
        store.rm("/bucket", recursive=True)

    assert done.exit_code == 0, done.output
    kept = {name: data for name, data in results(shop.out).items() if name != "job.json"}
    assert published == kept
    assert len([name for name in published if name.startswith("overlays/")]) == 3


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--new", "--resume"], "--new starts over"),
        (["--workers", "2"], "are for --engine ray"),
        (["--outputs", "csv,docx"], "unknown output 'docx'"),
    ],
)
def test_options_that_do_not_fit_are_refused(shop: Shop, options: list[str], part: str) -> None:
    done = shop(shop.write(JOB), "--out", shop.out, *options)

    assert part in str(done.exception)
    assert not shop.out.exists()
