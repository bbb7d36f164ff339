"""The command line through its runner, with tools that count nothing real."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from agent.cli import app
from agent.workbench import Workbench
from segmentation.errors import BoxError, CheckpointError
from tests.agent.fakes import FakeWorkbench, count_record, fake_registry, image, labels_record, prompt_record
from tools.arguments import CountArguments, PhotoArguments, PromptArguments
from tools.records import CountRecord, PromptRecord, Wording
from tools.registry import Progress, Registry, Tool
from tools.store import ImageStore

seen: list[CountArguments] = []


def counted(arguments: CountArguments, progress: Progress) -> CountRecord:
    seen.append(arguments)
    if any(example.box and example.box[2] > 1200 for example in arguments.like):
        raise BoxError("the box 0,0,9000,9 lies outside the photo (1200 x 900)")
    return count_record(arguments.target, 6, low=5, high=7, image=image(arguments.image))


def bench(checkpoint: str | None) -> Workbench:
    if checkpoint == "nonsense":
        raise CheckpointError("no checkpoint nonsense: give a folder or a name")
    return FakeWorkbench(fake_registry(count=counted))


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder to stand in, no settings from outside, a photo."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SHELF_API_KEY", "SHELF_BASE_URL", "SHELF_PLANNER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHELF_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name in ("soda.jpg", "beans.jpg"):
        (tmp_path / name).touch()
    seen.clear()
    return tmp_path


def shelf(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin, obj=bench)


def test_count_says_the_number_and_its_interval() -> None:
    result = shelf("count", "soda.jpg", "red cans")
    assert (result.exit_code, result.stdout) == (0, "6 red cans (between 5 and 7).\n")


def test_count_as_json_is_the_record_and_nothing_else() -> None:
    result = shelf("count", "soda.jpg", "red cans", "--json", "--overlay", "o.jpg")
    assert CountRecord.model_validate_json(result.stdout).count == 6
    assert Path("o.jpg").exists()


def test_all_options_of_count_reach_the_tool() -> None:
    shelf(
        *(
            "count",
            "soda.jpg",
            "cans",
            "--exclude",
            "Coke",
            "--exclude",
            "Pepsi",
            "--row",
            "-1",
            "--no-optimize",
        ),
        *("--like", "1,2,30,40", "--like-image", "beans.jpg#5,6,70,80", "--like-image", "beans.jpg"),
    )
    (arguments,) = seen
    assert arguments.exclude == ("Coke", "Pepsi")
    assert arguments.row == -1
    assert arguments.optimize is False
    assert [(example.image, example.box) for example in arguments.like] == [
        (None, (1, 2, 30, 40)),
        ("p2", (5, 6, 70, 80)),
        ("p2", None),
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["count", "missing.jpg", "cans"], "missing.jpg"),
        (["count", "soda.jpg", " "], "say what to count"),
        (["count", "soda.jpg", "cans", "--like", "1,2,3"], "x0,y0,x1,y1"),
        (["count", "soda.jpg", "cans", "--like", "a,b,c,d"], "x0,y0,x1,y1"),
        (["count", "soda.jpg", "cans", "--like", "0,0,9000,9"], "outside the photo"),
        (["count", "soda.jpg", "cans", "--row", "99"], "row"),
        (["count", "soda.jpg", "cans", "--overlay", "x.gif"], ".jpg or .png"),
        (["count", "soda.jpg", "cans", "--overlay", "nowhere/x.jpg"], "no such folder"),
        (["count", "soda.jpg", "cans", "--checkpoint", "nonsense"], "no checkpoint nonsense"),
        (["count", "soda.jpg", "x" * 1000], "target"),
        (["ask", " ", "soda.jpg"], "say what you want to know"),
        (["ask", "count the cans", "missing.jpg"], "missing.jpg"),
        (["ask", "count the cans", "soda.jpg", "--planner", "openai"], "OPENAI_API_KEY"),
        (["eval", "counts", "missing.jsonl", "--images", "."], "missing.jsonl"),
        (["eval", "counts", "soda.jpg", "--images", "."], "holds no questions"),
        (["chat", "missing.jpg"], "missing.jpg"),
        (["chat", "--resume"], "no chat to resume"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(arguments: list[str], told: str) -> None:
    result = shelf(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("shelf.toml", "planner = 'maybe'", "planner"),
        ("shelf.toml", "this is not toml", "shelf.toml"),
        ("shelf.toml", "turn_seconds = -1", "turn_seconds"),
        (".env", "SHELF_BASE_URL=ftp://x", "http://"),
        (".env", "SHELF_MODEL_CALLS=many", "model_calls"),
    ],
)
def test_a_wrong_setting_is_named(clean: Path, name: str, content: str, told: str) -> None:
    (clean / name).write_text(content)
    result = shelf("ask", "count the cans", "soda.jpg")
    assert result.exit_code == 2
    assert told in result.stderr


def test_how_a_target_is_worded_can_be_asked() -> None:
    def worded(arguments: PromptArguments, progress: Progress) -> PromptRecord:
        return prompt_record(arguments.target, Wording(text="red can", score=0.61, reason="singular"))

    tool = Tool("optimize_prompt", "Find wordings.", PromptArguments, worded)
    wanted = ["optimizer", "try", "soda.jpg", "red cans"]
    told = CliRunner().invoke(app, wanted, obj=lambda _: FakeWorkbench(Registry((tool,))))
    assert told.stdout.startswith("Worded as “red cans” and “red can”.")
    whole = CliRunner().invoke(app, [*wanted, "--json"], obj=lambda _: FakeWorkbench(Registry((tool,))))
    assert PromptRecord.model_validate_json(whole.stdout).tried[0].text == "red can"


@pytest.mark.parametrize(
    ("source", "text"),
    [("words", "words read: HEINZ"), ("empty", "empty: no BLIP that can be loaded"), ("openai", "OPENAI_API_KEY")],
)
def test_a_caption_comes_from_the_source_that_is_named(clean: Path, source: str, text: str) -> None:
    (clean / "empty").mkdir()
    Image.new("RGB", (60, 40), "red").save(clean / "red.png")
    store = ImageStore()
    labels = Tool("read_labels", "Read.", PhotoArguments, lambda a, _: labels_record("HEINZ", id=a.image))

    def opened(checkpoint: str | None) -> Workbench:
        return Workbench(store, Registry((labels,)))

    result = CliRunner().invoke(app, ["caption", "red.png", "--source", source], obj=opened)
    assert text in result.output
    assert result.exit_code == (0 if source == "words" else 2)


def test_ask_answers_from_the_records() -> None:
    result = shelf("ask", "count the cans and the jars in both photos", "soda.jpg", "beans.jpg")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "soda.jpg: 6 cans (between 5 and 7).",
        "soda.jpg: 6 jars (between 5 and 7).",
        "beans.jpg: 6 cans (between 5 and 7).",
        "beans.jpg: 6 jars (between 5 and 7).",
        "Together: 12 cans.",
        "Together: 12 jars.",
    ]


def test_ask_as_json_holds_answer_calls_and_records() -> None:
    said = json.loads(shelf("ask", "count the cans", "soda.jpg", "--json").stdout)
    assert said["answer"] == "6 cans (between 5 and 7)."
    assert said["calls"][0]["arguments"] == {"image": "p1", "target": "cans"}
    assert said["records"][0]["count"] == 6


def test_ask_falls_back_to_the_rules_when_the_model_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    result = shelf("ask", "count the cans", "soda.jpg")
    assert (result.exit_code, result.stdout) == (0, "6 cans (between 5 and 7).\n")
    assert result.stderr.startswith("note: language model")
    named = shelf("ask", "count the cans", "soda.jpg", "--planner", "openai")
    assert (named.exit_code, named.stdout) == (2, "")


def test_a_key_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    for arguments in (["ask", "count the cans", "soda.jpg"], ["ask", "x", "soda.jpg", "--planner", "openai"]):
        assert "sk-very" not in shelf(*arguments).output


@pytest.mark.parametrize(
    ("command", "said"), [("labels", "Read: “SUNKIST”, “ORANGE”.\n"), ("describe", "2 rows of packs\n")]
)
def test_the_other_tools_have_their_commands(command: str, said: str) -> None:
    assert shelf(command, "soda.jpg").stdout == said
    assert json.loads(shelf(command, "soda.jpg", "--json").stdout)["kind"] == command


def test_chat_reads_lines_where_there_is_no_terminal() -> None:
    result = shelf("chat", "soda.jpg", stdin="count the cans\ndrop 1\nundo\n/quit\n")
    assert result.exit_code == 0
    assert "6 cans (between 5 and 7)." in result.stdout
    assert "cans: 5 after 1 correction (counted: 6)." in result.stdout
    assert "Picture: out/soda-cans-p1.jpg" in result.stdout
    again = shelf("chat", "--resume", stdin="and the jars?\n")
    assert "cans: 6, as counted." in again.stdout
    assert "6 jars" in again.stdout


def test_demo_counts_on_a_shelf_that_it_draws(clean: Path) -> None:
    result = shelf("demo")
    assert result.exit_code == 0, result.output
    assert (clean / "out/sample.jpg").stat().st_size > 10_000
    assert "> how many Harka boxes are there?\n6 Harka boxes" in result.stdout
    assert "(drawn: 12)" in result.stdout
    assert "Picture: out/demo.jpg" in result.stdout


def question(**changes: Any) -> str:
    return json.dumps(
        {
            "image": "soda.jpg",
            "prompt": "cans",
            "kind": "category",
            "count": 6,
            "low": 6,
            "high": 6,
            "boxes": None,
        }
        | changes
    )


def test_eval_counts_reports_by_kind(clean: Path) -> None:
    (clean / "q.jsonl").write_text(
        "\n".join(
            [
                question(),
                question(kind="brand", prompt="Coke cans", count=9, low=8, high=9, boxes=[[1, 2, 3, 4]]),
                question(kind="absent", count=0, low=0, high=0),
                question(image="missing.jpg"),
            ]
        )
    )
    said = json.loads(shelf("eval", "counts", "q.jsonl", "--images", ".", "--json").stdout)
    scores = said["scores"]
    figures = {"questions": 2, "within": 0.5, "exact": 0.5, "components_within": 0.5, "mae": 0.0, "bias": 0.0}
    assert scores["category"].items() >= (figures | {"found_though_absent": 0, "failed": 1}).items()
    assert (scores["brand"]["mae"], scores["brand"]["bias"]) == (3.0, -3.0)
    assert scores["absent"]["found_though_absent"] == 1
    assert scores["all"]["within"] == 0.25
    shelf("eval", "counts", "q.jsonl", "--images", ".", "--like-first-box")
    assert seen[-1].like[0].box == (1, 2, 3, 4)
    assert shelf("eval", "counts", "q.jsonl", "--images", ".", "--kind", "brand").stdout.count("\n") == 3


def test_a_wrong_line_of_questions_is_named(clean: Path) -> None:
    (clean / "q.jsonl").write_text(question() + "\n" + question(count=-1))
    result = shelf("eval", "counts", "q.jsonl", "--images", ".")
    assert (result.exit_code, "line 2: count" in result.stderr) == (2, True)


def test_eval_planner_scores_the_rules() -> None:
    result = shelf("eval", "planner", "--planner", "rules", "--json")
    said = json.loads(result.stdout)
    assert said["right"] == said["asked"] >= 150


def test_what_was_asked_can_be_replayed() -> None:
    shelf("ask", "count the cans", "soda.jpg")
    result = shelf("replay")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == "count cans: same"
