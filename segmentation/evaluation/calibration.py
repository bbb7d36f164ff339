"""Thresholds of a checkpoint found from rendered scenes, and stored beside its weights."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from segmentation.checkpoint import Thresholds
from segmentation.errors import DataError
from segmentation.evaluation.coverage import IntervalCalibration
from segmentation.evaluation.segmentation import Segmenter, count_sizes, parts, scenes
from segmentation.heatmap import sigmoid
from segmentation.training.phrases import IGNORED, INSIDE, meant_items, phrases_for, seams, target

FILE = "calibration.json"
_MASKS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
# Rendered scenes alone would have 0.9 and 0.95, where much of what stands on real photos is not found any more.
_CORES = (0.4, 0.5, 0.6, 0.7, 0.8)
_SEEDS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.85)
_PROMPTS = 4
_LOWEST_LOOK = 0.2  # below it a weak model would have everything looked at
_MISSED = 0.02  # share of present targets whose chunk may be passed over by the first look


class Calibration(BaseModel):
    """Thresholds, what they were found on, and what they reached there (not on data kept apart)."""

    model_config = ConfigDict(frozen=True)

    thresholds: Thresholds
    scenes: int
    prompts: int
    first_seed: int
    exact: float
    miou: float
    interval: IntervalCalibration | None = None

    def sentence(self, name: str) -> str:
        """One line for people."""
        t = self.thresholds
        return (
            f"{name}: mask {t.mask}, core {t.core}, seed {t.seed}, look {t.look}, grow {t.grow}; on the {self.scenes} "
            f"scenes they were found on: mIoU {self.miou:.3f}, component count exact {self.exact:.2f}"
        ) + (f"\n{self.interval.sentence()}" if self.interval else "")


def calibrate(
    model: Segmenter,
    count: int,
    *,
    first_seed: int,
    data: Path | None = None,
    progress: Callable[[str, float], None] = lambda stage, fraction: None,
) -> Calibration:
    """Choose thresholds.

    Mask is for mIoU less the share that lights up for absent prompts, core and seed are for exact counts, and look
    comes from the peaks of present targets.

    Args:
        model: Whose thresholds are found.
        count: Scenes.
        first_seed: Where their seeds start; keep it apart from what is judged later.
        data: Folder of real cut-outs, or None.
        progress: Called with a stage and its share done.

    Raises:
        DataError: No prompt is present in the scenes.
    """
    ious: list[NDArray[np.float64]] = []
    hits: list[NDArray[np.float64]] = []
    lits: list[NDArray[np.float64]] = []
    peaks: list[float] = []
    asked = 0
    for done, scene in enumerate(scenes(count, first_seed, model.size, wide=True, held_out=False, data=data), 1):
        phrases = phrases_for(scene, _PROMPTS, np.random.default_rng((first_seed, done)))
        logits = model.decode(model.encode(scene.image[None]), model.text([p.text for p in phrases]))[0]
        seam, areas = seams(scene), scene.areas()
        for phrase, logit in zip(phrases, logits, strict=True):
            codes = target(scene, phrase.meaning, seam)
            truth = codes == INSIDE
            probability = np.where(codes != IGNORED, sigmoid(logit), np.float32(0))
            asked += 1
            if not truth.any():
                lits.append(np.array([(probability > mask).mean() for mask in _MASKS]))
            else:
                ious.append(np.array([_iou(probability > mask, truth) for mask in _MASKS]))
                peaks.append(float(probability[truth].max()))
            roles = meant_items(scene, phrase.meaning)[1:]
            true = count_sizes(areas[(roles == INSIDE) & (areas > 0)].astype(np.float64), truth.size)
            hits.append(
                np.array([[parts(probability, max(s, c), c) == true for s in _SEEDS] for c in _CORES], np.float64)
            )
        progress("calibrating", done / count)
    if not ious:
        raise DataError("none of the prompts is present in the scenes; use more scenes")
    miou, exact = np.mean(ious, axis=0), np.mean(hits, axis=0)
    lit = np.mean(lits, axis=0) if lits else np.zeros_like(miou)
    mask_at = int(np.argmax(miou - lit))
    core_at, seed_at = np.unravel_index(np.argmax(exact), exact.shape)
    mask, core = _MASKS[mask_at], _CORES[core_at]
    seed = max(_SEEDS[seed_at], mask, core)
    # The first look is cheap to pass and dear to miss: nearly every present target must reach it.
    look = float(np.clip(np.quantile(peaks, _MISSED), _LOWEST_LOOK, min(0.5, seed)))
    look = round(look, 2)
    thresholds = Thresholds(look=look, grow=round(min(look, max(0.1, 0.7 * look)), 2), seed=seed, mask=mask, core=core)
    return Calibration(
        thresholds=thresholds,
        scenes=count,
        prompts=asked,
        first_seed=first_seed,
        exact=round(float(exact[core_at, seed_at]), 4),
        miou=round(float(miou[mask_at]), 4),
    )


def _iou(lit: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float((lit & truth).sum() / max(1, (lit | truth).sum()))


def store(calibration: Calibration, folder: Path) -> Path:
    """Write the calibration beside the weights.

    Raises:
        DataError: The folder cannot be written.
    """
    path = folder / FILE
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text(json.dumps(calibration.model_dump(exclude_none=True), indent=2) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error}") from error
    return path
