"""A trained state as a folder that transformers loads by itself."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from segmentation.checkpoint import resolve
from segmentation.errors import CheckpointError, DataError
from segmentation.training.adapters import merge_adapters
from segmentation.training.architecture import MEAN, STD
from segmentation.training.plan import Plan, load_plan
from segmentation.training.products import HELD_OUT_PAIRS
from segmentation.training.snapshot import Progress, latest, read_progress, read_weights
from segmentation.training.start import start_model

_CARD = """# {name}

{origin}

- Classes: {classes}, {parameters:.1f} M parameters, patch {patch}, float16 on disk, float32 in use. Input: {side} px
  squares, ImageNet mean and std.
- Data: {data}
- Trained for {steps} steps, {scenes} scenes with several prompts each, {hours:.2f} hours ({device}, {threads}
  threads); {precision} autocast; weights averaged with decay {average}. Picture sizes: {stages}.
- Loss: {loss}, border pixels weigh {border}, and questions about what lies under each token weigh
  {auxiliary}. Optimiser: AdamW, seed {seed}, settings fingerprint
  `{fingerprint}`.
- Pairs of colour and kind that training never showed: {held_out}.
- Licence: {licence}

What it cannot do: read brand names, tell contents whose packs look alike, find things that are no packs,
price tags, signs or holes, or handle packs under about 48 px of a 352-px view well. Its probabilities are
calibrated only where `calibration.json` says so. Scores that were measured, if any, are in `scores.json`.
"""


_OWN = """A small CLIPSeg of this project's own, trained from nothing on rendered shelves. It knows a closed world: the
pack kinds, colours and contents of `prompts/vocabulary.yaml`. It is no substitute for the public CLIPSeg
weights on anything else."""
_TUNED = """A CLIPSeg tuned by this project from `{start}`, whose licence and limits it inherits. Of CLIP's towers
{towers} was trained{adapters}."""
_LICENCE = """that of this project. Cut-outs mixed in are MIT, MIT-0 and BSD-3-Clause; none of them is in this
  folder."""
_PLAIN = "`CLIPSegForImageSegmentation` and `CLIPTokenizer` of transformers"
_DECODED = "`segmentation.segmenter.PromptSegmenter` of this project ({decoder} decoder) and `CLIPTokenizer`"


def export(run: Path, to: Path, plan_file: Path | None = None) -> Path:
    """Write the averaged weights of a run as a checkpoint folder, whole or not at all.

    Args:
        run: Folder of the run.
        to: Folder to make or replace.
        plan_file: The run's settings; plan.yaml in the run by default.

    Returns:
        The folder written.

    Raises:
        CheckpointError: The run has no state, or one that does not fit its settings.
        DataError: The folder cannot be written.
    """
    plan = load_plan(plan_file or run / "plan.yaml")
    state = latest(run)
    if state is None:
        raise CheckpointError(f"{run} holds no saved state yet")
    model, tokenizer = start_model(plan, run)
    model.load_state_dict(read_weights(state / "averaged.safetensors", model.state_dict()))
    merge_adapters(model)
    progress = read_progress(state)
    side = _input_side(plan, model)
    fresh = to.with_name(to.name + ".new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        weights = {
            name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
            for name, tensor in model.state_dict().items()
        }
        save_file(weights, fresh / "model.safetensors", metadata={"format": "pt"})
        (fresh / "model.safetensors").chmod(0o644)  # safetensors writes for its owner only
        _write_config(model, fresh)
        tokenizer.save_pretrained(fresh)
        processor = {
            "image_processor_type": "ViTImageProcessor",
            "processor_class": "CLIPSegProcessor",
            "do_resize": True,
            "do_rescale": True,
            "do_normalize": True,
            "rescale_factor": 1 / 255,
            "resample": 2,
            "size": {"height": side, "width": side},
            "image_mean": list(MEAN),
            "image_std": list(STD),
        }
        (fresh / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n", encoding="utf-8")
        _write_card(plan, progress, model, side, to.name, fresh)
        old = to.with_name(to.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        if to.exists():
            to.rename(old)
        fresh.rename(to)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        raise DataError(f"the checkpoint cannot be written to {to}: {error}") from error
    return to


def _input_side(plan: Plan, model: Any) -> int:
    """Pixels of a view's side: the start's, the architecture's, or for a plain CLIP 352 in whole patches."""
    if plan.start is None:
        return plan.architecture.image_size
    start = resolve(plan.start, plain_clip=True)
    patch = int(model.config.vision_config.patch_size)
    return start.input.size if start.kind == "clipseg" else 352 // patch * patch


def _write_config(model: Any, folder: Path) -> None:
    plain = getattr(model.config, "decoder_kind", "transformer") == "transformer"
    plain = plain and getattr(model.config, "film_layers", 1) == 1
    model.config.architectures = ["CLIPSegForImageSegmentation" if plain else "PromptSegmenter"]
    model.config.dtype = torch.float16
    model.config.save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config.pop("_attn_implementation", None)
    if plain:  # the keys of segmentation.segmenter say nothing then
        config.pop("decoder_kind", None)
        config.pop("film_layers", None)
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _write_card(plan: Plan, progress: Progress, model: Any, side: int, name: str, folder: Path) -> None:
    parameters = sum(p.numel() for p in model.parameters())
    origin, classes, licence = _OWN, _PLAIN, _LICENCE
    if plan.start is not None:
        adapters = f", by adapters of rank {plan.lora} alone" if plan.lora else ""
        origin = _TUNED.format(start=plan.start, towers=f"`{plan.towers}`", adapters=adapters)
        licence = f"that of `{plan.start}` and of the data."
    if model.config.architectures == ["PromptSegmenter"]:
        classes = _DECODED.format(decoder=getattr(model.config, "decoder_kind", "transformer"))
    facts: dict[str, Any] = {
        "name": name,
        "parameters": parameters,
        "steps": progress.step,
        "scenes": progress.scenes,
        "hours": round(progress.seconds / 3600, 2),
        "fingerprint": progress.fingerprint,
        "seed": plan.seed,
        "real_cutouts": plan.data is not None,
        "held_out_pairs": sorted(" ".join(pair) for pair in HELD_OUT_PAIRS),
        "plan": json.loads(plan.model_dump_json(exclude={"data", "source", "inventory"})),
        "exported": datetime.now(UTC).strftime("%Y-%m-%d"),
    }
    (folder / "card.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    done, reached = 0, []
    for stage in plan.stages:
        if done < progress.step:
            reached.append(f"{stage.size} px for {min(stage.steps, progress.step - done)} steps")
        done += stage.steps
    stages = ", ".join(reached)
    data = "rendered scenes" if plan.source is None else f"a {plan.source.format} data set, not part of this project"
    if plan.source is None and plan.data is not None:
        data += ", with real cut-outs and empty shelves mixed in (`prompts/training.yaml` lists the cut-outs)"
    text = _CARD.format(
        name=name,
        origin=origin,
        classes=classes,
        licence=licence,
        device=plan.device,
        threads=plan.threads,
        patch=model.config.vision_config.patch_size,
        side=side,
        parameters=parameters / 1e6,
        data=data + ".",
        steps=progress.step,
        scenes=progress.scenes,
        hours=progress.seconds / 3600,
        precision=plan.precision,
        average=plan.average,
        stages=stages,
        loss=plan.loss,
        border=plan.border,
        auxiliary=plan.auxiliary,
        seed=plan.seed,
        fingerprint=progress.fingerprint,
        held_out=", ".join(facts["held_out_pairs"]),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
