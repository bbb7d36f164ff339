"""The training loop: resumable to the step, averaged weights, one line of numbers every few steps."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from segmentation.checkpoint import resolve
from segmentation.errors import DataError
from segmentation.training.architecture import (
    build,
    decode,
    encode,
    image_conditions,
    normalise,
    text_conditions,
)
from segmentation.training.auxiliary import Auxiliary
from segmentation.training.losses import segmentation_loss
from segmentation.training.phrases import IGNORED, INSIDE
from segmentation.training.plan import Plan
from segmentation.training.samples import Batch, Orders, Sample, SceneSamples, collate
from segmentation.training.snapshot import Progress, latest, restore, save_snapshot
from segmentation.training.sources import read_source
from segmentation.training.words import MAX_TOKENS, load_tokenizer, train_tokenizer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Line:
    """Numbers of the last few steps."""

    step: int
    steps: int
    loss: float
    iou: float  # of present prompts at probability 0.5
    lit: float  # share of an absent prompt's picture that lights up
    rate: float
    scenes_per_second: float
    seconds_left: float
    scenes: int


def conditions_of(model: Any, tokenizer: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """Condition of every text, and of every prompt: where an example is given, mixed with that of its picture.

    The mix is the paper's: text_share * text + (1 - text_share) * image, of raw vectors.
    """
    tokens = tokenizer(
        batch.texts,
        padding=True,
        truncation=True,
        max_length=model.config.text_config.max_position_embeddings,
        return_tensors="pt",
    )
    device = batch.images.device
    text = text_conditions(model, tokens["input_ids"].to(device), tokens["attention_mask"].to(device))
    count = batch.examples.shape[0]
    if not count:
        return text, text
    seen = image_conditions(model, normalise(batch.examples))
    share = batch.text_shares[:, None].to(text)
    at = torch.arange(count, device=device) * (len(batch.texts) // len(batch.images))
    return text, text.index_copy(0, at, (share * text[at] + (1 - share) * seen).to(text.dtype))


def overlap(logits: Tensor, target: Tensor) -> tuple[float, float]:
    """Mean IoU of present prompts and mean lit share of absent ones, at probability 0.5."""
    lit, meant, counted = logits > 0, target == INSIDE, target != IGNORED
    lit = lit & counted
    present = meant.flatten(1).any(1)
    both = (lit & meant).flatten(1).sum(1).float()
    either = (lit | meant).flatten(1).sum(1).float().clamp(min=1)
    iou = (both / either)[present]
    empty = lit.flatten(1).float().mean(1)[~present]
    return (
        iou.mean().item() if len(iou) else float("nan"),
        empty.mean().item() if len(empty) else float("nan"),
    )


def start_model(plan: Plan, run: Path) -> tuple[Any, Any]:
    """Tokenizer (learnt or copied once per run, then read) and a model: fresh, or that of plan.start.

    Raises:
        CheckpointError: The checkpoint to start from is missing or cannot be used.
    """
    folder = run / "tokenizer"
    start = resolve(plan.start).folder if plan.start is not None else None
    if not (folder / "tokenizer.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        chosen = load_tokenizer(start) if start else train_tokenizer(plan.architecture.pieces)
        chosen.save_pretrained(folder)
    tokenizer = load_tokenizer(folder)
    torch.manual_seed(plan.seed)
    if start is None:
        return build(plan.architecture, tokenizer, MAX_TOKENS), tokenizer
    from transformers import CLIPSegForImageSegmentation

    return CLIPSegForImageSegmentation.from_pretrained(start, dtype=torch.float32), tokenizer


def freeze(model: Any, towers: str | int) -> None:
    """Keep what is not to be trained as it is: nothing, CLIP, or CLIP but its last image blocks."""
    if towers == "all":
        return
    model.clip.requires_grad_(False)
    if isinstance(towers, int):
        # Blocks behind the last one that the decoder reads get no gradient; what counts are those before.
        used = model.clip.vision_model.encoder.layers[: max(model.extract_layers) + 1]
        used[-towers:].requires_grad_(True)


def _samples(plan: Plan) -> Dataset[Sample]:
    if plan.source is None:
        return SceneSamples(plan.seed, plan.data)
    from segmentation.training.phrase_samples import PhraseSamples

    source = plan.source
    return PhraseSamples(read_source(source.format, source.annotations, source.images), plan.seed)


def _device(plan: Plan) -> torch.device:
    if plan.device == "cuda" and not torch.cuda.is_available():
        raise DataError("the run asks for a GPU (device: cuda) and there is none; write device: cpu")
    return torch.device(plan.device)


def train(
    plan: Plan,
    run: Path,
    report: Callable[[Line], None],
    *,
    until: int | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Progress:
    """Train until the plan is done, going on from the last saved state when there is one.

    Args:
        plan: What to do.
        run: Folder of the run; made when missing.
        report: Called with the numbers every plan.log_every steps.
        until: Stop (and save) after this many steps of the plan.
        stopped: Asked after every step; a yes saves and stops.

    Raises:
        DataError: The run folder belongs to another plan, cannot be written, or the loss is no number.
        CheckpointError: The saved state is damaged or of another shape.
    """
    run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(plan.threads)
    device = _device(plan)
    model, tokenizer = start_model(plan, run)
    model.to(device).train()
    freeze(model, plan.towers)
    helper = Auxiliary(model.config.vision_config.hidden_size, model.config.projection_dim).to(device)
    trained = [p for p in (*model.parameters(), *helper.parameters()) if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=plan.rate(0), weight_decay=plan.weight_decay, betas=(0.9, 0.98))
    averaged = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    state = latest(run)
    progress = Progress(0, 0, 0.0, plan.fingerprint())
    if state is not None:
        progress = restore(state, model, averaged, helper, optimizer)
        if progress.fingerprint != plan.fingerprint():
            raise DataError(f"{run} holds a run with other settings; give another folder or the same settings")
    last = plan.steps if until is None else min(until, plan.steps)
    if progress.step >= last:
        return progress
    loader: DataLoader[Any] = DataLoader(
        _samples(plan),
        batch_sampler=Orders(plan, progress.step),
        collate_fn=collate,
        num_workers=plan.workers,
        prefetch_factor=3 if plan.workers else None,
    )
    step, scenes, spent = progress.step, progress.scenes, progress.seconds
    began, since, since_scenes = time.monotonic(), time.monotonic(), 0
    window: list[tuple[float, float, float]] = []
    for batch in loader:
        rate = plan.rate(step)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss, iou, lit = _step(plan, model, helper, tokenizer, optimizer, batch.to(device))
        _average(model, averaged, plan.average, step)
        step, scenes, since_scenes = step + 1, scenes + len(batch.images), since_scenes + len(batch.images)
        window.append((loss, iou, lit))
        ended = step == last or stopped()
        if step % plan.log_every == 0 or ended:
            speed = since_scenes / max(1e-6, time.monotonic() - since)
            left = (plan.first_scene(plan.steps) - scenes) / max(speed, 1e-6)
            means = [torch.tensor(column).nanmean().item() for column in zip(*window, strict=True)]
            line = Line(step, plan.steps, means[0], means[1], means[2], rate, speed, left, scenes)
            with (run / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(line)) + "\n")
            report(line)
            window, since, since_scenes = [], time.monotonic(), 0
        if step % plan.save_every == 0 or ended:
            progress = Progress(step, scenes, spent + time.monotonic() - began, plan.fingerprint())
            save_snapshot(run, model, averaged, helper, optimizer, progress)
        if ended:
            break
    return progress


def _step(
    plan: Plan,
    model: Any,
    helper: Auxiliary,
    tokenizer: Any,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
) -> tuple[float, float, float]:
    with torch.autocast(plan.device, torch.bfloat16, enabled=plan.precision == "bfloat16"):
        texts, conditions = conditions_of(model, tokenizer, batch)
        activations = encode(model, normalise(batch.images))
        logits = decode(model, activations, conditions)
    logits = logits.float()
    loss = segmentation_loss(logits, batch.targets, plan.loss, plan.border, plan.dice)
    total = loss
    if plan.auxiliary:
        total = loss + plan.auxiliary * helper(activations[-1], texts, conditions, batch.facts, batch.targets)
    if not torch.isfinite(total):
        raise DataError("the loss is no number any more: lower the learning rate; the last saved state is intact")
    optimizer.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
    optimizer.step()
    return loss.item(), *overlap(logits.detach(), batch.targets)


@torch.no_grad()
def _average(model: Any, averaged: dict[str, Tensor], decay: float, step: int) -> None:
    """Exponential average of the weights; young averages forget faster."""
    keep = min(decay, (1 + step) / (10 + step))
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            averaged[name].lerp_(tensor, 1 - keep)
        else:
            averaged[name].copy_(tensor)
