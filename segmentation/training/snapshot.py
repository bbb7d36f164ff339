"""The state of a run on disk: written whole or not at all, safetensors only."""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from segmentation.errors import CheckpointError, DataError

FOLDER = "state"


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    step: int
    scenes: int
    seconds: float
    fingerprint: str
    scaler: dict[str, Any] | None = None  # of the gradients' scale, in float16


def save_snapshot(
    run: Path,
    model: Any,
    averaged: dict[str, Tensor],
    helper: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write the state beside the old one, then swap.

    Raises:
        DataError: The disk is full or cannot be written; the old state is intact.
    """
    fresh, final, old = run / f"{FOLDER}.new", run / FOLDER, run / f"{FOLDER}.old"
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, fresh / "model.safetensors")
        save_file({k: v.contiguous() for k, v in averaged.items()}, fresh / "averaged.safetensors")
        save_file(dict(helper.state_dict()), fresh / "auxiliary.safetensors")
        moments: dict[str, Tensor] = {}
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                moments[f"{index}.{key}"] = torch.as_tensor(value).contiguous()
        save_file(moments, fresh / "optimizer.safetensors")
        (fresh / "progress.json").write_text(json.dumps(asdict(progress)), encoding="utf-8")
        for path in fresh.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        if final.exists():
            shutil.rmtree(old, ignore_errors=True)
            final.rename(old)
        fresh.rename(final)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"the state of the run cannot be saved in {run}: {error}; the last saved one is intact"
        ) from error


def latest(run: Path) -> Path | None:
    """The folder of the last whole state, also after a kill in the middle of the swap."""
    for name in (FOLDER, f"{FOLDER}.new", f"{FOLDER}.old"):
        if (run / name / "progress.json").is_file():
            return run / name
    return None


def read_progress(state: Path) -> Progress:
    """Where a saved state stands.

    Raises:
        CheckpointError: The file is damaged.
    """
    try:
        return Progress(**json.loads((state / "progress.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{state}/progress.json is damaged: {error}") from error


def read_weights(path: Path, expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a file, checked against the shapes a model expects.

    Raises:
        CheckpointError: Damaged, or of another shape.
    """
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    for name, tensor in expected.items():
        if name not in weights:
            raise CheckpointError(f"{path} has no weights for {name}: it belongs to another architecture")
        if weights[name].shape != tensor.shape:
            have, want = tuple(weights[name].shape), tuple(tensor.shape)
            raise CheckpointError(f"{path}: {name} has shape {have}, the model needs {want}")
    return weights


def restore(
    state: Path, model: Any, averaged: dict[str, Tensor], helper: nn.Module, optimizer: torch.optim.Optimizer
) -> Progress:
    """Put a saved state back. Changes model, averaged, helper and optimizer.

    Raises:
        CheckpointError: The state is damaged or of another shape.
    """
    progress = read_progress(state)
    model.load_state_dict(read_weights(state / "model.safetensors", model.state_dict()))
    for name, tensor in read_weights(state / "averaged.safetensors", averaged).items():
        averaged[name].copy_(tensor)
    helper.load_state_dict(read_weights(state / "auxiliary.safetensors", helper.state_dict()))
    try:
        moments = load_file(state / "optimizer.safetensors")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{state}/optimizer.safetensors cannot be read: {error}") from error
    saved = optimizer.state_dict()
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in moments.items():
        index, key = name.split(".", 1)
        states.setdefault(int(index), {})[key] = tensor
    saved["state"] = states
    optimizer.load_state_dict(saved)
    return progress
