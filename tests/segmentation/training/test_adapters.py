"""Adapters: what moves, what stays, and that merging changes no answer."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from segmentation.clipseg import ClipSeg
from segmentation.training.adapters import merge_adapters
from segmentation.training.architecture import encode
from segmentation.training.export import export
from segmentation.training.start import start_model
from segmentation.training.trainer import train
from tests.segmentation.training.tiny_runs import SHORT, ignore, save_tiny_clip, tiny_plan

pytest.importorskip("peft", reason="adapters need the extra train")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_clip(tmp_path_factory.mktemp("start") / "clip")


def test_adapters_train_and_the_weights_beside_them_stay(tmp_path: Path, clip: Path) -> None:
    plan = tiny_plan(start=str(clip), towers="none", lora=2, stages=(SHORT,), average=0.0)
    before, _ = start_model(plan, tmp_path)
    old = {name: tensor.clone() for name, tensor in before.state_dict().items()}
    train(plan, tmp_path, ignore)
    new = load_file(tmp_path / "state/model.safetensors")
    moved = {name for name in old if name.startswith("clip.") and not torch.equal(old[name], new[name])}
    assert moved
    assert all(".lora_" in name for name in moved)
    assert any("vision_model" in name for name in moved)
    assert any("text_model" in name for name in moved)
    (tmp_path / "plan.yaml").write_text(json.dumps(plan.model_dump(mode="json")), encoding="utf-8")
    folder = export(tmp_path, tmp_path / "checkpoint")
    assert not any("lora" in name for name in load_file(folder / "model.safetensors"))
    assert len(ClipSeg.load(folder).text(["red bottles"])) == 1


def test_merging_changes_no_answer(tmp_path: Path, clip: Path) -> None:
    model, _ = start_model(tiny_plan(start=str(clip), towers="none", lora=2), tmp_path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_B" in name:  # starts at zero
                parameter.normal_(std=0.1)
        pixels = torch.randn(1, 3, 64, 64)
        before = encode(model, pixels)
        merge_adapters(model)
        after = encode(model, pixels)
    assert not [name for name in model.state_dict() if "lora" in name or "base_layer" in name]
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(before, after, strict=True))


def test_adapters_in_towers_that_train_themselves_are_refused() -> None:
    with pytest.raises(ValueError, match="write towers: none"):
        tiny_plan(lora=2)
