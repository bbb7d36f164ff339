import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from segmentation.checkpoint import WEIGHTS, Thresholds, resolve
from segmentation.errors import CheckpointError


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "mine"))


def change(path: Path, **values: Any) -> None:
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(found | values), encoding="utf-8")


def test_a_folder_is_known_by_its_name_and_the_hash_of_its_weights(folder: Path) -> None:
    checkpoint = resolve(folder)
    assert checkpoint.name == "mine"
    assert checkpoint.sha256 == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    assert (checkpoint.thresholds, checkpoint.input.size) == (Thresholds(), 352)
    assert checkpoint.input.mean == (
        0.485,
        0.456,
        0.406,
    )  # ImageNet's, whatever a processor class defaults to


def test_thresholds_come_from_the_calibration_beside_the_weights(folder: Path) -> None:
    change(folder / "calibration.json", thresholds={"seed": 0.7, "mask": 0.6}, data="500 scenes")
    assert resolve(folder).thresholds == Thresholds(look=0.3, grow=0.2, seed=0.7, mask=0.6)


@pytest.mark.parametrize("file", ["preprocessor_config.json", "processor_config.json"])
def test_the_picture_size_comes_from_the_saved_processor(folder: Path, file: str) -> None:
    settings = {
        "size": {"height": 224, "width": 224},
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    change(folder / file, **(settings if file.startswith("pre") else {"image_processor": settings}))
    assert resolve(folder).input.size == 224
    assert resolve(folder).input.mean == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("file", "values", "words"),
    [
        ("config.json", {"auto_map": {"AutoModel": "evil.Model"}}, "code of its own"),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": "evil.T"}}, "code of its own"),
        ("config.json", {"model_type": "clip"}, "no CLIPSeg checkpoint"),
        ("calibration.json", {"thresholds": {"seed": 1.5}}, "bad values"),
        ("calibration.json", {"thresholds": {"look": 0.1}}, "grow may not be above look"),
        ("preprocessor_config.json", {"size": {"height": 224, "width": 352}}, "square"),
        ("preprocessor_config.json", {"size": "large"}, "bad image settings"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused(folder: Path, file: str, values: dict[str, Any], words: str) -> None:
    change(folder / file, **values)
    with pytest.raises(CheckpointError, match=words):
        resolve(folder)


def test_pickled_weights_are_refused_without_being_opened(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin.*pickled weights are not loaded"):
        resolve(folder)


def test_a_folder_without_weights_or_tokenizer_says_what_is_missing(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match="no tokenizer"):
        resolve(folder)
    (folder / WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"):
        resolve(folder)


def test_broken_json_is_named(folder: Path) -> None:
    (folder / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"config\.json is not valid JSON"):
        resolve(folder)


def test_a_file_and_an_unknown_name_are_told_apart(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="is a file"):
        resolve(folder / WEIGHTS)
    with pytest.raises(CheckpointError, match="no checkpoint nowhere: give a folder"):
        resolve("nowhere")


def test_a_hub_id_that_cannot_be_fetched_ends_in_one_line(tmp_path: Path) -> None:
    # In a process of its own: the hub client reads these variables when it is imported.
    code = (
        "from segmentation.checkpoint import resolve\n"
        "from segmentation.errors import CheckpointError\n"
        "try: resolve('nobody/nothing')\n"
        "except CheckpointError as error: print(error)\n"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("no folder nobody/nothing here, and the hub could not give it")
    assert done.stdout.count("\n") == 1
