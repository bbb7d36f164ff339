"""The training loop: resumable to the step, averaged weights, one line of numbers every few steps."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from segmentation.errors import DataError
from segmentation.training.auxiliary import Auxiliary
from segmentation.training.cutouts import Mixture
from segmentation.training.group import Group, joined
from segmentation.training.inventory import Inventory
from segmentation.training.objective import Objective
from segmentation.training.phrase_samples import PhraseSamples
from segmentation.training.plan import Plan
from segmentation.training.samples import Batch, Careful, Orders, Sample, SceneSamples, careful_collate
from segmentation.training.snapshot import Progress, latest, read_progress, restore, save_snapshot
from segmentation.training.sources import read_source
from segmentation.training.start import start_model

PLAN = "plan.yaml"


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


def train(
    plan: Plan,
    run: Path,
    report: Callable[[Line], None],
    *,
    until: int | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Progress:
    """Train until the plan is done, going on from the last saved state when there is one.

    Started by torchrun, the processes share each step: which pictures it has does not depend on how many they are.

    Args:
        plan: What to do.
        run: Folder of the run; made when missing.
        report: Called with the numbers every plan.log_every steps, in the first process.
        until: Stop (and save) after this many steps of the plan.
        stopped: Asked after every step; a yes saves and stops.

    Raises:
        DataError: The run folder belongs to another plan, cannot be written, or the loss is no number.
        CheckpointError: The saved state is damaged or of another shape.
    """
    torch.set_num_threads(plan.threads)
    device = _device(plan)
    with joined(device) as group:
        run_state = _Run(plan, run, device, group)
        return run_state.go_on(report, plan.steps if until is None else min(until, plan.steps), stopped)


class _Run:
    """Everything a run has in memory."""

    def __init__(self, plan: Plan, run: Path, device: torch.device, group: Group) -> None:
        self.plan, self.folder, self.device, self.group = plan, run, device, group
        with group.leader_first():
            make_folder(run)
            self.model, tokenizer = start_model(plan, run)
        config = self.model.config
        patch = config.vision_config.patch_size
        plan.check_sizes(patch, plan.accumulate * group.size)
        self.samples = _samples(plan, patch)
        self.inventory = Inventory(plan.inventory.folder, plan.seed) if plan.inventory else None
        self.model.to(device).train()
        self.helper = Auxiliary(config.vision_config.hidden_size, config.projection_dim).to(device)
        self.objective = group.share(Objective(plan, self.model, self.helper, tokenizer).train(), device)
        trained = [p for p in (*self.model.parameters(), *self.helper.parameters()) if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=plan.rate(0), weight_decay=plan.weight_decay, betas=(0.9, 0.98))
        self.scaler = torch.amp.GradScaler(plan.device, enabled=plan.precision == "float16")
        self.averaged = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        self.progress = Progress(0, 0, 0.0, plan.fingerprint())
        state = latest(run)
        if state is not None:
            self.progress = restore(state, self.model, self.averaged, self.helper, self.optimizer)
            _check_same(self.progress, plan, run)
            if self.progress.scaler is not None and self.scaler.is_enabled():
                self.scaler.load_state_dict(self.progress.scaler)

    def go_on(self, report: Callable[[Line], None], last: int, stopped: Callable[[], bool]) -> Progress:
        """Train up to a step."""
        plan, progress = self.plan, self.progress
        if progress.step >= last:
            return progress
        loader: DataLoader[Any] = DataLoader(
            Careful(self.samples),
            batch_sampler=Orders(plan, progress.step, self.group.rank, self.group.size),
            collate_fn=careful_collate,
            num_workers=plan.workers,
            prefetch_factor=3 if plan.workers else None,
            worker_init_fn=_leave_signals_to_parent,
        )
        with _rendering(loader) as batches:
            return self._go_on(batches, report, last, stopped)

    def _go_on(
        self,
        batches: Iterator[Batch | DataError],
        report: Callable[[Line], None],
        last: int,
        stopped: Callable[[], bool],
    ) -> Progress:
        plan, progress = self.plan, self.progress
        step, scenes, spent = progress.step, progress.scenes, progress.seconds
        began, since, since_scenes = time.monotonic(), time.monotonic(), 0
        window: list[Tensor] = []
        while True:
            rate = plan.rate(step)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            window.append(self._step(step, batches))
            _average(self.model, self.averaged, plan.average, step)
            pictures = plan.stage(step).scenes
            step, scenes, since_scenes = step + 1, scenes + pictures, since_scenes + pictures
            ended = step == last or self.group.any(stopped(), self.device)
            if step % plan.log_every == 0 or ended:
                speed = since_scenes / max(1e-6, time.monotonic() - since)
                left = (plan.first_scene(plan.steps) - scenes) / max(speed, 1e-6)
                loss, iou, lit = self.group.mean(torch.stack(window).nanmean(0)).tolist()
                if self.group.leads:
                    line = Line(step, plan.steps, loss, iou, lit, rate, speed, left, scenes)
                    _note(self.folder, line)
                    report(line)
                window, since, since_scenes = [], time.monotonic(), 0
            if step % plan.save_every == 0 or ended:
                scaler = self.scaler.state_dict() if self.scaler.is_enabled() else None
                progress = Progress(step, scenes, spent + time.monotonic() - began, plan.fingerprint(), scaler)
                if self.group.leads:
                    save_snapshot(self.folder, self.model, self.averaged, self.helper, self.optimizer, progress)
            if ended:
                return progress

    def _step(self, step: int, batches: Iterator[Batch | DataError]) -> Tensor:
        """One step in its parts; mask loss, IoU and lit share, (3,)."""
        plan, pictures = self.plan, self.plan.stage(step).scenes
        self.optimizer.zero_grad(set_to_none=True)
        numbers = []
        for part in range(plan.accumulate):
            found = next(batches)
            if isinstance(found, DataError):
                raise found
            batch = found.to(self.device)
            share = len(batch.images) * self.group.size / pictures
            packs = None
            if self.inventory is not None and plan.inventory is not None:
                drawn = part * self.group.size + self.group.rank
                packs = self.inventory.draw(step, drawn, plan.inventory.packs, batch.images.shape[1])
            alone = self.group.size > 1 and part < plan.accumulate - 1  # gradients are exchanged once a step
            with self.objective.no_sync() if alone else nullcontext():
                total, scores = self.objective(batch, packs)
                if not torch.isfinite(total):
                    raise DataError(
                        "the loss is no number any more: lower the learning rate; the last saved state is intact"
                    )
                self.scaler.scale(total * share).backward()
            numbers.append(scores)
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), plan.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return torch.stack(numbers).nanmean(0).cpu()


def _samples(plan: Plan, patch: int) -> Dataset[Sample]:
    if plan.source is None:
        return SceneSamples(
            plan.seed,
            plan.data,
            patch,
            other_kinds=plan.other_kinds,
            other_contents=plan.other_contents,
            mixture=Mixture(plan.real, plan.tints, plan.wraps, plan.clutter),
        )
    source = plan.source
    return PhraseSamples(read_source(source.format, source.annotations, source.images), plan.seed, patch)


def _leave_signals_to_parent(worker: int) -> None:
    """Ctrl-C and a polite kill often reach the whole group; a renderer that died of them would fail the last step."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _rendering(loader: "DataLoader[Any]") -> Iterator[Iterator[Batch | DataError]]:
    """The batches of a loader, whose renderers end with the block.

    An error that is still held elsewhere holds the iterator too, and with it renderers that do not listen to a polite
    kill: the process would wait for them for ever at its end. There is no public way to end them.
    """
    batches = iter(loader)
    try:
        yield batches
    finally:
        if loader.num_workers:
            batches._shutdown_workers()  # type: ignore[attr-defined]


def _device(plan: Plan) -> torch.device:
    if plan.device == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise DataError("the run asks for a GPU (device: cuda) and there is none; write device: cpu")
    own = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(own)
    return own


def keep_plan(plan: Plan, source: Path, run: Path) -> None:
    """Keep the file of a plan in the folder of its run. The plan of a run with other settings is left alone.

    Raises:
        DataError: The run has other settings, or the file cannot be written.
        CheckpointError: The state of the run is damaged.
    """
    make_folder(run)
    state = latest(run)
    if state is not None:
        _check_same(read_progress(state), plan, run)
    try:
        kept = run / PLAN
        if not (kept.exists() and kept.samefile(source)):
            fresh = run / f"{PLAN}.{os.getpid()}"  # several processes may start a run
            shutil.copyfile(source, fresh)
            fresh.replace(kept)
    except OSError as error:
        raise DataError(f"{run}/{PLAN} cannot be written: {error.strerror}") from error


def _check_same(progress: Progress, plan: Plan, run: Path) -> None:
    if progress.fingerprint != plan.fingerprint():
        raise DataError(f"{run} holds a run with other settings; give another folder or the same settings")


def make_folder(run: Path) -> None:
    """Make a folder and those above it.

    Raises:
        DataError: It cannot be made.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{run} cannot be made: {error.strerror}") from error


def _note(run: Path, line: Line) -> None:
    """Add a line to the log of a run."""
    try:
        with (run / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(line)) + "\n")
    except OSError as error:
        raise DataError(
            f"{run}/log.jsonl cannot be written: {error.strerror}; the last saved state is intact"
        ) from error


@torch.no_grad()
def _average(model: Any, averaged: dict[str, Tensor], decay: float, step: int) -> None:
    """Exponential average of the weights; young averages forget faster."""
    keep = min(decay, (1 + step) / (10 + step))
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            averaged[name].lerp_(tensor, 1 - keep)
        else:
            averaged[name].copy_(tensor)
