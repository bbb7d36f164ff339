"""What a run may begin from, and the decoders it may be given."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPModel, CLIPSegForImageSegmentation

from segmentation.clipseg import ClipSeg
from segmentation.errors import CheckpointError, DataError
from segmentation.training.export import export
from segmentation.training.plan import Decoder, Plan
from segmentation.training.start import start_model
from segmentation.training.trainer import train
from tests.segmentation.training.tiny_runs import SHORT, ignore, save_tiny_clip, tiny_plan


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_clip(tmp_path_factory.mktemp("start") / "clip")


def _trained(plan: Plan, run: Path) -> Path:
    """A short run, exported."""
    train(plan, run, ignore)
    (run / "plan.yaml").write_text(json.dumps(plan.model_dump(mode="json")), encoding="utf-8")
    return export(run, run / "checkpoint")


@pytest.mark.parametrize("decoder", [Decoder(kind="unet", reduce=16), Decoder(reduce=16, heads=2, film=2)])
def test_a_trained_decoder_of_our_own_is_saved_and_loaded_again(tmp_path: Path, decoder: Decoder) -> None:
    folder = _trained(tiny_plan(stages=(SHORT,), decoder=decoder), tmp_path)
    model = ClipSeg.load(folder)
    view = np.random.default_rng(0).integers(0, 255, (1, 96, 96, 3), np.uint8)
    cached = model.decode(model.encode(view), model.text(["red bottles", "cans"]))
    # The same from the plain forward pass of the same weights.
    from segmentation.segmenter import PromptSegmenter
    from segmentation.training.architecture import decode, encode, normalise

    whole = PromptSegmenter.from_pretrained(folder, dtype=torch.float32).eval()
    conditions = torch.from_numpy(model.text(["red bottles", "cans"]).vectors)
    with torch.no_grad():
        plain = decode(whole, encode(whole, normalise(torch.from_numpy(view))), conditions).numpy()
    assert np.allclose(cached[0], plain, atol=1e-4)
    assert np.ptp(cached[0, 0] - cached[0, 1]) > 1e-6  # the prompt matters
    assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["architectures"] == ["PromptSegmenter"]


def test_the_default_decoder_is_still_read_by_plain_transformers(tmp_path: Path) -> None:
    folder = _trained(tiny_plan(stages=(SHORT,), decoder=Decoder(reduce=16, heads=2)), tmp_path)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert not {"decoder_kind", "film_layers"} & set(config)
    model, found = CLIPSegForImageSegmentation.from_pretrained(folder, output_loading_info=True)
    assert not found["missing_keys"]
    assert not found["unexpected_keys"]
    assert model.config.reduce_dim == 16


def test_a_fresh_decoder_may_be_put_on_a_frozen_checkpoint(tmp_path: Path) -> None:
    start = _trained(tiny_plan(stages=(SHORT,)), tmp_path / "first")
    plan = tiny_plan(start=str(start), towers="none", decoder="unet", stages=(SHORT,))
    assert plan.decoder == Decoder(kind="unet")
    train(plan, tmp_path / "second", ignore)
    before = load_file(start / "model.safetensors")
    after = load_file(tmp_path / "second/state/model.safetensors")
    assert all(torch.equal(after[name].half(), t) for name, t in before.items() if name.startswith("clip."))
    assert "decoder.stages.0.first.weight" in after
    (tmp_path / "second/plan.yaml").write_text(json.dumps(plan.model_dump(mode="json")), encoding="utf-8")
    card = (export(tmp_path / "second", tmp_path / "out") / "README.md").read_text(encoding="utf-8")
    assert f"tuned by this project from `{start}`" in card
    assert "(unet decoder)" in card


def test_a_plain_clip_becomes_a_clipseg_with_a_decoder_of_sane_size(tmp_path: Path, clip: Path) -> None:
    plan = tiny_plan(start=str(clip), towers="none", stages=(SHORT,))
    model, tokenizer = start_model(plan, tmp_path)
    weights = CLIPModel.from_pretrained(clip).state_dict()
    assert all(torch.equal(model.clip.state_dict()[name], tensor) for name, tensor in weights.items())
    assert model.extract_layers == [1, 2, 3]  # a quarter, a half and three quarters of four
    assert all(p.std() < 0.5 for p in model.decoder.parameters() if p.ndim > 1)
    folder = _trained(plan, tmp_path)
    assert ClipSeg.load(folder).size == 352
    assert tokenizer("red bottles")["input_ids"][-1] == tokenizer.eos_token_id


def test_an_encoder_of_14_px_patches_trains_at_whole_patches(tmp_path: Path) -> None:
    clip = save_tiny_clip(tmp_path / "clip", patch=14)
    stage = SHORT.model_copy(update={"size": 84})
    folder = _trained(tiny_plan(start=str(clip), stages=(stage,)), tmp_path / "run")
    assert ClipSeg.load(folder).size == 350
    with pytest.raises(DataError, match=r"stages\.0\.size: 64 px are no whole patches of 14 px"):
        train(tiny_plan(start=str(clip), stages=(SHORT,)), tmp_path / "other", ignore)


def test_more_decoder_blocks_read_more_layers(tmp_path: Path, clip: Path) -> None:
    wanted = Decoder(extract_layers=(3, 0, 1, 2), reduce=8, heads=2)
    model, _ = start_model(tiny_plan(start=str(clip), decoder=wanted), tmp_path)
    assert model.extract_layers == [0, 1, 2, 3]
    assert len(model.decoder.layers) == len(model.decoder.reduces) == 4


def test_an_encoder_as_large_as_vit_l_is_built_with_five_levels() -> None:
    from transformers import CLIPSegConfig

    from segmentation.segmenter import PromptSegmenter
    from segmentation.training.start import draw_decoder

    vision = {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "patch_size": 14,
    }
    with torch.device("meta"):
        model = PromptSegmenter(CLIPSegConfig(text_config={}, vision_config=vision, projection_dim=768))
        draw_decoder(model, Decoder(kind="unet", extract_layers=(3, 8, 13, 18, 23)))
    assert sum(p.numel() for p in model.clip.vision_model.parameters()) > 300e6
    assert len(model.decoder.reduces) == 5


def test_layers_that_an_encoder_does_not_have_are_refused(tmp_path: Path, clip: Path) -> None:
    plan = tiny_plan(start=str(clip), decoder=Decoder(extract_layers=(3, 6, 9)))
    with pytest.raises(DataError, match=r"\[3, 6, 9\] are not all among the encoder's 4"):
        start_model(plan, tmp_path)


def test_a_tokenizer_that_knows_more_words_than_the_model_is_refused(tmp_path: Path, clip: Path) -> None:
    from segmentation.training.words import train_tokenizer

    train_tokenizer(900).save_pretrained(tmp_path / "tokenizer")
    with pytest.raises(CheckpointError, match=r"knows more words than the model"):
        start_model(tiny_plan(start=str(clip)), tmp_path)


def test_a_clip_without_all_its_weights_is_refused(tmp_path: Path, clip: Path) -> None:
    shutil.copytree(clip, tmp_path / "clip")
    weights = load_file(tmp_path / "clip/model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, tmp_path / "clip/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"no weights for visual_projection\.weight"):
        start_model(tiny_plan(start=str(tmp_path / "clip")), tmp_path / "run")


def test_a_plain_clip_cannot_be_used_for_counting(clip: Path) -> None:
    with pytest.raises(CheckpointError, match="no CLIPSeg checkpoint"):
        ClipSeg.load(clip)
