"""Thresholds of a checkpoint found from rendered scenes, and stored beside its weights."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from segmentation.checkpoint import Thresholds
from segmentation.chunks import hysteresis
from segmentation.components import label_items
from segmentation.errors import DataError
from segmentation.evaluation.coverage import IntervalCalibration
from segmentation.evaluation.segmentation import MOST_COUNTED, NOWHERE, Segmenter, count_labels, count_sizes, scenes
from segmentation.heatmap import sigmoid
from segmentation.meaning import PATCH
from segmentation.training.phrases import IGNORED, INSIDE, meant_items, phrases_for, seams, target

FILE = "calibration.json"
_MASKS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
_SEEDS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.85)
_RISES = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
_PROMPTS = 4
_ABSENT = 3.0  # a share of the picture marked for what is not there counts for so much mIoU
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
    absent: float
    interval: IntervalCalibration | None = None

    def sentence(self, name: str) -> str:
        """One line for people."""
        t = self.thresholds
        return (
            f"{name}: mask {t.mask}, seed {t.seed}, rise {t.rise}, look {t.look}, grow {t.grow}; on the {self.scenes} "
            f"scenes they were found on: mIoU of what is marked {self.miou:.3f}, marked of absent things "
            f"{100 * self.absent:.1f} %, component count exact {self.exact:.2f}"
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

    Mask and seed are for the mIoU of what is marked, less _ABSENT times the share that is marked for absent prompts;
    rise is for exact counts; look comes from the peaks of present targets.

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
    marked: list[NDArray[np.float64]] = []
    peaks: list[float] = []
    for done, sample in _samples(model, count, first_seed, data):
        if sample.truth.any():
            ious.append(_ious(sample))
            peaks.append(float(sigmoid(sample.logits)[sample.truth].max()))
        else:
            marked.append(_shares(sample))
        progress("finding the mask", done / count / 2)
    if not ious:
        raise DataError("none of the prompts is present in the scenes; use more scenes")
    miou = np.mean(ious, axis=0)
    absent = np.mean(marked, axis=0) if marked else np.zeros_like(miou)
    at = np.unravel_index(np.argmax(miou - _ABSENT * absent), miou.shape)
    mask = _MASKS[at[0]]
    seed = max(_SEEDS[at[1]], mask)
    # The first look is cheap to pass and dear to miss: nearly every present target must reach it.
    look = round(float(np.clip(np.quantile(peaks, _MISSED), _LOWEST_LOOK, min(0.5, seed))), 2)
    cut = Thresholds(look=look, grow=round(min(look, max(0.1, 0.7 * look)), 2), seed=seed, mask=mask)
    tries = [cut.model_copy(update={"rise": rise}) for rise in _RISES]
    hits: list[list[bool]] = []
    for done, sample in _samples(model, count, first_seed, data):
        if 0 < sample.items <= MOST_COUNTED:
            hits.append([count_labels(label_items(sample.logits, one, PATCH)) == sample.items for one in tries])
        progress("counting", 0.5 + done / count / 2)
    exact = np.mean(hits, axis=0) if hits else np.zeros(len(tries))
    return Calibration(
        thresholds=tries[int(np.argmax(exact))],
        scenes=count,
        prompts=len(ious) + len(marked),
        first_seed=first_seed,
        exact=round(float(exact.max()), 4),
        miou=round(float(miou[at]), 4),
        absent=round(float(absent[at]), 4),
    )


@dataclass(frozen=True, eq=False)
class _Sample:
    """One prompt on one scene."""

    logits: NDArray[np.float32]  # (height, width), NOWHERE where nothing counts
    truth: NDArray[np.bool_]  # (height, width)
    items: int


def _samples(model: Segmenter, count: int, first_seed: int, data: Path | None) -> Iterator[tuple[int, _Sample]]:
    """The samples of some scenes, each with the number of scenes done. They are drawn anew each time."""
    made = scenes(count, first_seed, model.size, wide=True, held_out=False, data=data)
    for done, scene in enumerate(made, 1):
        phrases = phrases_for(scene, _PROMPTS, np.random.default_rng((first_seed, done)))
        logits = model.decode(model.encode(scene.image[None]), model.text([p.text for p in phrases]))[0]
        seam, areas = seams(scene), scene.areas()
        for phrase, logit in zip(phrases, logits, strict=True):
            codes = target(scene, phrase.meaning, seam)
            roles = meant_items(scene, phrase.meaning)[1:]
            items = count_sizes(areas[(roles == INSIDE) & (areas > 0)].astype(np.float64), codes.size)
            yield done, _Sample(np.where(codes != IGNORED, logit, NOWHERE), codes == INSIDE, items)


def _parts(sample: _Sample) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]]:
    """For each mask: the peak of every part, its pixels, and how many of them are meant."""
    probability = sigmoid(sample.logits)
    for mask in _MASKS:
        labels, statistics, peaks = hysteresis(probability, mask, mask)
        meant = np.bincount(labels[sample.truth], minlength=len(peaks) + 1)[1:]
        yield peaks, statistics[:, cv2.CC_STAT_AREA].astype(np.int64), meant


def _ious(sample: _Sample) -> NDArray[np.float64]:
    """IoU of what is marked, (masks, seeds)."""
    truth = int(sample.truth.sum())
    rows = []
    for peaks, pixels, meant in _parts(sample):
        kept = [peaks >= seed for seed in _SEEDS]
        rows.append([meant[k].sum() / max(1, truth + pixels[k].sum() - meant[k].sum()) for k in kept])
    return np.array(rows, np.float64)


def _shares(sample: _Sample) -> NDArray[np.float64]:
    """Share of the picture that is marked, (masks, seeds)."""
    rows = [[pixels[peaks >= seed].sum() for seed in _SEEDS] for peaks, pixels, _ in _parts(sample)]
    return np.array(rows, np.float64) / sample.truth.size


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
