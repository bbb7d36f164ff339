"""The fingerprint changes with the weights and their settings."""

import json
import shutil
from pathlib import Path

import pytest

from agent.batch.fingerprint import engine_fingerprint
from segmentation.errors import CheckpointError


def test_it_names_the_weights_and_changes_with_their_settings(tiny_checkpoint: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_checkpoint, tmp_path / "tiny")
    known = engine_fingerprint(str(tiny_checkpoint))

    assert known.startswith("tiny ")
    assert engine_fingerprint(str(copy)) == known
    (copy / "calibration.json").write_text(json.dumps({"thresholds": {"seed": 0.61}}))
    assert engine_fingerprint(str(copy)) != known


def test_named_weights_that_are_missing_are_an_error() -> None:
    with pytest.raises(CheckpointError, match="no checkpoint"):
        engine_fingerprint("not there")
