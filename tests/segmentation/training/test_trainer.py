"""A tiny run: it learns, it can be killed, it can be exported."""

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from segmentation.clipseg import ClipSeg
from segmentation.errors import CheckpointError, DataError
from segmentation.training import snapshot
from segmentation.training.architecture import build
from segmentation.training.curves import draw_curves
from segmentation.training.export import export
from segmentation.training.phrase_samples import PhraseSamples
from segmentation.training.phrases import INSIDE
from segmentation.training.plan import Plan, Stage, load_plan
from segmentation.training.samples import Order
from segmentation.training.sources import read_folder
from segmentation.training.trainer import keep_plan, train
from segmentation.training.words import MAX_TOKENS, load_tokenizer, train_tokenizer
from tests.segmentation.training.tiny_runs import TINY, ignore, tiny_plan


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that went through without a stop."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    train(tiny_plan(), run, ignore)
    (run / "plan.yaml").write_text(json.dumps(tiny_plan().model_dump(mode="json")), encoding="utf-8")
    return run


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "tokenizer", tmp_path / "tokenizer")
    train(tiny_plan(), tmp_path, ignore, until=3)
    progress = train(tiny_plan(), tmp_path, ignore)
    assert (progress.step, progress.scenes) == (7, 11)
    for name in ("model", "averaged"):
        whole = load_file(finished / "state" / f"{name}.safetensors")
        parts = load_file(tmp_path / "state" / f"{name}.safetensors")
        assert all(torch.allclose(whole[key], parts[key], atol=1e-6) for key in whole)


def test_a_kill_between_two_saves_leaves_the_last_state(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(finished / "tokenizer", tmp_path / "tokenizer")
    train(tiny_plan(), tmp_path, ignore, until=2)
    real = snapshot.save_file

    def full(tensors: Any, path: Path) -> None:
        if path.name.startswith("optimizer"):
            raise OSError(28, "No space left on device")
        real(tensors, path)

    monkeypatch.setattr(snapshot, "save_file", full)
    with pytest.raises(DataError, match=r"cannot be saved.*No space left.*last saved one is intact"):
        train(tiny_plan(), tmp_path, ignore)
    monkeypatch.undo()
    state = snapshot.latest(tmp_path)
    assert state is not None
    assert snapshot.read_progress(state).step == 2
    assert train(tiny_plan(), tmp_path, ignore).step == 7


def test_a_kill_in_the_middle_of_the_swap_is_survived(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "state", tmp_path / "state.old")
    assert snapshot.latest(tmp_path) == tmp_path / "state.old"


def test_other_settings_do_not_go_on_with_a_run(finished: Path) -> None:
    with pytest.raises(DataError, match="other settings"):
        train(tiny_plan(border=1.0), finished, ignore)


def test_more_steps_may_be_added_to_a_run(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    longer = tiny_plan(stages=(*tiny_plan().stages, Stage(steps=1, size=64, scenes=1, examples=0)))
    assert train(longer, tmp_path / "run", ignore).step == 8


def test_a_state_of_another_shape_is_refused_in_one_line(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    wide = TINY.model_copy(update={"reduce": 32})
    with pytest.raises(CheckpointError, match=r"has shape .* the model needs"):
        train(tiny_plan(architecture=wide), tmp_path / "run", ignore)


def test_a_damaged_state_is_refused_in_one_line(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run/state/averaged.safetensors").write_bytes(b"torn")
    with pytest.raises(CheckpointError, match=r"averaged\.safetensors cannot be read"):
        train(tiny_plan(stages=(Stage(steps=9, size=64, scenes=2),)), tmp_path / "run", ignore)


def test_a_loss_that_is_no_number_ends_the_run(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "tokenizer", tmp_path / "tokenizer")
    wild = tiny_plan(stages=(Stage(steps=30, size=64, scenes=1, examples=0, rate=(1e30, 1e30)),), warm_up=0)
    with pytest.raises(DataError, match="no number"):
        train(wild, tmp_path, ignore)


def test_every_line_of_the_log_has_the_numbers(finished: Path) -> None:
    lines = [json.loads(line) for line in (finished / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 8))
    assert all(np.isfinite(line["loss"]) for line in lines)
    assert draw_curves(finished).stat().st_size > 1000


def test_an_exported_run_loads_by_itself_and_answers(finished: Path, tmp_path: Path) -> None:
    folder = export(finished, tmp_path / "tiny")
    model = ClipSeg.load(folder)
    view = np.zeros((1, 96, 96, 3), np.uint8)
    logits = model.decode(model.encode(view), model.text(["red bottles", "products"]))
    assert logits.shape == (1, 2, 96, 96)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert (card["steps"], card["scenes"]) == (7, 11)
    assert all(t.dtype != torch.float32 for t in load_file(folder / "model.safetensors").values())


def test_an_exported_model_gives_the_averaged_weights_answers(finished: Path, tmp_path: Path) -> None:
    from transformers import CLIPSegForImageSegmentation

    model = CLIPSegForImageSegmentation.from_pretrained(export(finished, tmp_path / "t"), dtype=torch.float32)
    averaged = load_file(finished / "state/averaged.safetensors")
    assert all(torch.allclose(model.state_dict()[k], v, atol=1e-3) for k, v in averaged.items())


def test_a_run_without_a_state_cannot_be_exported(finished: Path, tmp_path: Path) -> None:
    shutil.copy(finished / "plan.yaml", tmp_path / "plan.yaml")
    with pytest.raises(CheckpointError, match="no saved state"):
        export(tmp_path, tmp_path / "out")


def test_a_fresh_decoder_is_not_drawn_with_a_deviation_of_one(finished: Path) -> None:
    model = build(TINY, load_tokenizer(finished / "tokenizer"), MAX_TOKENS)
    assert model.decoder.film_mul.weight.std() < 0.3


def test_the_end_token_of_the_tokenizer_is_its_largest_and_never_2() -> None:
    tokenizer = train_tokenizer(700)
    assert tokenizer.eos_token_id == len(tokenizer) - 1 != 2
    assert tokenizer("red bottles")["input_ids"][-1] == tokenizer.eos_token_id
    text = "Größe 500 ml, £3 €2"
    ids = tokenizer(text)["input_ids"][1:-1]
    assert tokenizer.eos_token_id not in ids  # nothing is unknown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages: []", "stages"),
        ("stages: [{steps: 5, size: 100}]", r"stages\.0\.size"),
        ("stages: [{steps: 5}]\nspeed: 3", "speed"),
        ("stages: [", "not YAML"),
    ],
)
def test_a_bad_run_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_plan(path)


def test_the_rate_ramps_up_and_then_follows_the_stages() -> None:
    plan = tiny_plan(stages=(Stage(steps=10, rate=(1e-3, 1e-3)), Stage(steps=11, rate=(1e-3, 0.0))), warm_up=4)
    assert plan.rate(0) == pytest.approx(2.5e-4)
    assert plan.rate(9) == pytest.approx(1e-3)
    assert plan.rate(15) == pytest.approx(5e-4)
    assert plan.rate(20) == pytest.approx(0.0)
    assert plan.first_scene(12) == 12 * 12


def _labelled(folder: Path) -> Path:
    """Two pictures, a red and a blue square each."""
    folder.mkdir()
    lines = []
    for number in range(2):
        picture = np.full((70, 100, 3), 60, np.uint8)
        for colour, x, name in (((0, 0, 220), 10, "red"), ((220, 0, 0), 60, "blue")):
            mask = np.zeros((70, 100), np.uint8)
            mask[20:50, x : x + 30] = 255
            picture[mask > 0] = colour
            cv2.imwrite(str(folder / f"{number}{name}.png"), mask)
            entry = {"image": f"{number}.jpg", "mask": f"{number}{name}.png", "phrase": f"{name} square"}
            lines.append(json.dumps(entry))
        cv2.imwrite(str(folder / f"{number}.jpg"), picture)
    path = folder / "phrases.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(("towers", "moved"), [("none", set()), (1, {1}), ("all", {0, 1})])
def test_a_checkpoint_is_tuned_on_pictures_with_phrases_and_frozen_parts_stay(
    finished: Path, tmp_path: Path, towers: str | int, moved: set[int]
) -> None:
    start = export(finished, tmp_path / "start")
    plan = Plan.model_validate(
        {
            "start": str(start),
            "source": {"format": "folder", "annotations": _labelled(tmp_path / "data")},
            "towers": towers,
            "stages": [{"steps": 2, "size": 64, "scenes": 2, "prompts": 3}],
            "threads": 1,
            "workers": 0,
            "warm_up": 0,
        }
    )
    train(plan, tmp_path / "run", ignore)
    before, after = (
        load_file(path) for path in (start / "model.safetensors", tmp_path / "run/state/model.safetensors")
    )
    changed = {key for key, old in before.items() if not torch.equal(old.float(), after[key].float())}
    layer = "clip.vision_model.encoder.layers.{}.mlp.fc1.weight"
    assert {number for number in (0, 1) if layer.format(number) in changed} == moved
    assert "decoder.film_mul.weight" in changed


def test_phrases_are_cut_so_that_the_first_is_seen(tmp_path: Path) -> None:
    samples = PhraseSamples(read_folder(_labelled(tmp_path / "data")), seed=0)
    for index in range(8):
        sample = samples[Order(index, 64, False, 6, 4)]
        assert sample.image.shape == (64, 64, 3)
        assert (sample.targets[0] == INSIDE).mean() > 0.05
        reddish = sample.image[..., 0].astype(int) - sample.image[..., 2]
        seen = reddish[sample.targets[0] == INSIDE].mean()
        assert (seen > 0) == sample.texts[0].startswith("red")


def test_a_gpu_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("name: tiny\ndevice: cuda\nstages: [{steps: 1, size: 64, scenes: 1, rate: [1.0e-4, 1.0e-4]}]\n")
    command = "from agent.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", command, "train", "run", str(tmp_path / "run"), "--plan", str(plan)],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},  # none is seen, whatever the machine has
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is none; write device: cpu" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("loss", ["bce", "dice", "focal"])
def test_every_loss_trains(finished: Path, tmp_path: Path, loss: str) -> None:
    shutil.copytree(finished / "tokenizer", tmp_path / "tokenizer")
    stage = Stage(steps=2, size=64, scenes=1, examples=0)
    assert train(tiny_plan(loss=loss, stages=(stage,)), tmp_path, ignore).step == 2


def test_bfloat16_trains(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "tokenizer", tmp_path / "tokenizer")
    stage = Stage(steps=2, size=64, scenes=1, examples=1)
    assert train(tiny_plan(precision="bfloat16", stages=(stage,)), tmp_path, ignore).step == 2


@pytest.mark.parametrize("workers", [0, 1])
def test_a_mask_that_does_not_fit_its_picture_ends_the_run_in_one_line(
    finished: Path, tmp_path: Path, workers: int
) -> None:
    source = {"format": "folder", "annotations": _labelled(tmp_path / "data")}
    stage = Stage(steps=9, size=64, scenes=2, prompts=3)
    plan = tiny_plan(source=source, stages=(stage,), workers=workers)
    shutil.copytree(finished / "tokenizer", tmp_path / "run/tokenizer")
    train(plan, tmp_path / "run", ignore, until=2)
    for path in (tmp_path / "data").glob("*.png"):
        cv2.imwrite(str(path), np.zeros((5, 5), np.uint8))
    with pytest.raises(DataError, match=r"\.png is 5x5, its picture is 100x70$") as caught:
        train(plan, tmp_path / "run", ignore)
    assert "\n" not in str(caught.value)
    assert multiprocessing.active_children() == []  # a renderer left behind would keep the process from ending
    state = snapshot.latest(tmp_path / "run")
    assert state is not None
    assert snapshot.read_progress(state).step == 2


def test_a_full_disk_while_exporting_leaves_the_last_checkpoint(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors import SafetensorError

    from segmentation.training import export as exporting

    folder = export(finished, tmp_path / "tiny")
    before = (folder / "model.safetensors").read_bytes()

    def full(tensors: Any, path: Path, metadata: Any) -> None:
        path.write_bytes(b"half")
        raise SafetensorError("No space left on device")

    monkeypatch.setattr(exporting, "save_file", full)
    with pytest.raises(DataError, match=r"cannot be written to .*No space left"):
        export(finished, tmp_path / "tiny")
    assert (folder / "model.safetensors").read_bytes() == before
    ClipSeg.load(folder)


def test_a_vocabulary_of_another_run_is_refused_in_one_line(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    shutil.rmtree(tmp_path / "run/tokenizer")
    train_tokenizer(1200).save_pretrained(tmp_path / "run/tokenizer")
    with pytest.raises(CheckpointError, match=r"token_embedding\.weight has shape .* the model needs"):
        train(tiny_plan(), tmp_path / "run", ignore)


def test_a_run_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be made"):
        train(tiny_plan(), tmp_path / "file/run", ignore)


def test_a_plan_with_other_settings_does_not_replace_that_of_a_run(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run/plan.yaml").write_text("its own", encoding="utf-8")
    (tmp_path / "new.yaml").write_text("another", encoding="utf-8")
    with pytest.raises(DataError, match="other settings"):
        keep_plan(tiny_plan(border=1.0), tmp_path / "new.yaml", tmp_path / "run")
    assert (tmp_path / "run/plan.yaml").read_text(encoding="utf-8") == "its own"
    keep_plan(tiny_plan(), tmp_path / "new.yaml", tmp_path / "run")
    assert (tmp_path / "run/plan.yaml").read_text(encoding="utf-8") == "another"
    keep_plan(tiny_plan(), tmp_path / "run/plan.yaml", tmp_path / "run")  # its own file may be named


def test_a_plan_that_cannot_be_kept_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(DataError, match="cannot be made"):
        keep_plan(tiny_plan(), tmp_path / "new.yaml", tmp_path / "run")
    with pytest.raises(DataError, match=r"plan\.yaml cannot be written"):
        keep_plan(tiny_plan(), tmp_path / "missing.yaml", tmp_path / "other")
