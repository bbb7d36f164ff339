"""`shelf train` through its runner, on a run of a few steps."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from agent.cli import app
from tests.segmentation.training.test_comparison import BASE


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The commands hear Ctrl-C themselves; what was there before comes back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def shelf(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(BASE), encoding="utf-8")
    return path


def test_a_run_shows_its_numbers_and_time_left_and_leaves_curves_and_a_checkpoint(tmp_path: Path, plan: Path) -> None:
    run = tmp_path / "run"
    result = shelf("train", "run", run, "--plan", plan, "--until", 1)
    assert result.exit_code == 0, result.output
    assert "step 1 of 2" in result.stdout
    assert all(word in result.stderr for word in ("loss", "IoU", "scenes/s", "h left"))
    assert "step 2 of 2" in shelf("train", "run", run).stdout  # goes on with its own plan
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert shelf("train", "export", run, "--to", tmp_path / "mine").exit_code == 0
    assert json.loads((tmp_path / "mine/card.json").read_text(encoding="utf-8"))["steps"] == 2


def test_a_comparison_prints_its_table_and_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "compare.yaml"
    judge = {"size": 64, "scenes": 1, "threshold_scenes": 1}
    path.write_text(
        yaml.safe_dump({"base": BASE, "runs": [{"name": "bce", "change": {"loss": "bce"}}], "judge": judge}),
        encoding="utf-8",
    )
    result = shelf("train", "compare", tmp_path / "runs", "--plan", path)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "runs/table.md").read_text(encoding="utf-8") == result.stdout
    assert "| bce |" in result.stdout


def test_the_shipped_comparison_is_eight_plans_that_differ_in_loss_and_decoder() -> None:
    import segmentation.training
    from segmentation.training.comparison import load_comparison

    folder = Path(next(iter(segmentation.training.__path__)))
    comparison = load_comparison(folder / "plans/compare.yaml")
    plans = [comparison.plan(entry) for entry in comparison.runs]
    assert len({(p.loss, p.decoder.kind) for p in plans if p.decoder}) == 8
    assert len({p.model_copy(update={"loss": "bce", "decoder": None, "name": ""}).fingerprint() for p in plans}) == 1


@pytest.mark.parametrize("name", ["shelf-small", "kinds"])
def test_a_shipped_plan_is_read_and_goes_by_its_file_name(name: str) -> None:
    import segmentation.training
    from segmentation.training.plan import load_plan

    plan = load_plan(Path(next(iter(segmentation.training.__path__))) / f"plans/{name}.yaml")
    assert plan.name == name
    assert plan.stages[-1].size == 352  # the size that the product takes


def test_a_plan_that_is_not_there_ends_in_one_line(tmp_path: Path) -> None:
    result = shelf("train", "run", tmp_path / "run", "--plan", tmp_path / "missing.yaml")
    assert result.exit_code != 0
    assert "Traceback" not in result.output
