"""Runs compared: trained once, judged alike, gone on with after a stop."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from segmentation.errors import DataError
from segmentation.training.comparison import Comparison, compare, load_comparison, table
from segmentation.training.trainer import Line
from tests.segmentation.training.tiny_runs import SHORT, TINY

BASE: dict[str, Any] = {
    "architecture": TINY.model_dump(mode="json"),
    "stages": [SHORT.model_dump(mode="json")],
    "threads": 1,
    "workers": 0,
    "log_every": 1,
}
TWO = Comparison.model_validate(
    {
        "base": BASE,
        "runs": [
            {"name": "plain", "change": {"loss": "bce"}},
            {"name": "unet", "change": {"decoder": {"kind": "unet", "reduce": 16}}},
        ],
        "judge": {"size": 64, "scenes": 2, "threshold_scenes": 1, "prompts": 3},
    }
)


def test_runs_are_trained_and_judged_once_and_a_stopped_one_goes_on(tmp_path: Path) -> None:
    heard: list[tuple[str, int]] = []

    def hear(name: str, line: Line) -> None:
        heard.append((name, line.step))

    assert compare(TWO, tmp_path, hear, stopped=lambda: len(heard) == 2) == compare(TWO, tmp_path, hear)[:1]
    assert heard == [("plain", 1), ("plain", 2), ("unet", 1), ("unet", 2)]
    results = compare(TWO, tmp_path, hear)
    assert len(heard) == 4  # nothing is trained twice
    assert [r.name for r in results] == ["plain", "unet"]
    assert all(r.prompts == 6 and 0 <= r.miou <= 1 and 0 < r.threshold < 1 and r.decoder > 0 for r in results)
    lines = table(results).splitlines()
    assert len(lines) == 4
    assert lines[3].startswith("| unet | ")


def test_results_of_other_settings_are_not_taken(tmp_path: Path) -> None:
    one = TWO.model_copy(update={"runs": TWO.runs[:1]})
    compare(one, tmp_path, lambda name, line: None)
    with pytest.raises(DataError, match="result of other settings"):
        compare(one.model_copy(update={"base": {**BASE, "border": 1.0}}), tmp_path, lambda name, line: None)


def test_a_comparison_with_a_bad_run_is_named(tmp_path: Path) -> None:
    path = tmp_path / "compare.yaml"
    path.write_text(
        yaml.safe_dump({"base": BASE, "runs": [{"name": "odd", "change": {"loss": "none"}}]}), encoding="utf-8"
    )
    with pytest.raises(DataError, match="odd: loss"):
        load_comparison(path)
    path.write_text(yaml.safe_dump({"base": BASE, "runs": [{"name": "../x", "change": {}}]}), encoding="utf-8")
    with pytest.raises(DataError, match=r"runs\.0\.name"):
        load_comparison(path)
