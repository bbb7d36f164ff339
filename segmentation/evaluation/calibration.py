"""Thresholds of a checkpoint found from rendered scenes, and stored beside its weights."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from segmentation.checkpoint import Centres, Thresholds
from segmentation.chunks import hysteresis
from segmentation.components import label_items
from segmentation.errors import DataError
from segmentation.evaluation.coverage import IntervalCalibration
from segmentation.evaluation.segmentation import (
    MOST_COUNTED,
    NOWHERE,
    Segmenter,
    ask,
    count_labels,
    count_sizes,
    scenes,
)
from segmentation.heatmap import sigmoid
from segmentation.meaning import PATCH
from segmentation.training.phrases import IGNORED, INSIDE, meant_items, phrases_for, seams, target
from segmentation.vocabulary import vocabulary

FILE = "calibration.json"
_MASKS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
_SEEDS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.85)
_RISES = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
_FLOORS = (0.2,)  # of centres; 0.3 leaves out what real photos show less surely
_LIFTS = (1.0, 1.5, 2.0)  # their rises, logits
_MARKED = (0.35, 0.4)  # no higher than these, as with seeds: real photos are less sure (docs/experiments.md)
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
        c = t.centres
        told = "centres not used" if c is None else f"centres from {c.floor}, rise {c.rise}, marked from {c.marked}"
        return (
            f"{name}: mask {t.mask}, seed {t.seed}, rise {t.rise}, look {t.look}, grow {t.grow}, {told}; on the "
            f"{self.scenes} scenes they were found on: mIoU of what is marked {self.miou:.3f}, marked of absent things "
            f"{100 * self.absent:.1f} %, component count exact {self.exact:.2f}"
        ) + (f"\n{self.interval.sentence()}" if self.interval else "")


@dataclass(frozen=True, eq=False)
class _Sample:
    """One prompt on one scene."""

    logits: NDArray[np.float32]  # (height, width), NOWHERE where nothing counts
    truth: NDArray[np.bool_]  # (height, width)
    items: int
    centres: NDArray[np.float32] | None  # (height, width), logits, when packs are asked for

    def labels(self, cut: Thresholds) -> NDArray[np.int32]:
        """What is marked, (height, width)."""
        return label_items(self.logits, cut, PATCH, self.centres)


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
    rise is for exact counts; look comes from the peaks of present targets. Then packs are told apart by their centres:
    floor and rise of these are for exact counts, and from where they are marked is for the same as mask and seed. They
    are kept when more counts are exact with them, which is the case for weights that were taught centres.

    Args:
        model: Whose thresholds are found.
        count: Scenes.
        first_seed: Where their seeds start; keep it apart from what is judged later.
        data: Folder of real cut-outs, or None.
        progress: Called with a stage and its share done.

    Raises:
        DataError: No prompt is present in the scenes.
    """

    def samples(stage: str, pass_number: int) -> Iterator[_Sample]:
        for done, sample in _samples(model, count, first_seed, data):
            yield sample
            progress(stage, (pass_number + done / count) / 3)

    cut = _masked(samples("finding the mask", 0))
    cut = _told_apart(cut, samples("counting", 1))
    options = [cut]
    if cut.centres is not None:
        options = [_with(cut, cut.centres.model_copy(update={"marked": marked})) for marked in _MARKED]
    return _marked(options, samples("marking", 2), count, first_seed)


def _masked(samples: Iterable[_Sample]) -> Thresholds:
    """Mask, seed and look."""
    ious: list[NDArray[np.float64]] = []
    shares: list[NDArray[np.float64]] = []
    peaks: list[float] = []
    for sample in samples:
        if sample.truth.any():
            ious.append(_ious(sample))
            peaks.append(float(sigmoid(sample.logits)[sample.truth].max()))
        else:
            shares.append(_shares(sample))
    if not ious:
        raise DataError("none of the prompts is present in the scenes; use more scenes")
    worth = np.mean(ious, axis=0) - _ABSENT * (np.mean(shares, axis=0) if shares else 0.0)
    at = np.unravel_index(np.argmax(worth), worth.shape)
    mask = _MASKS[at[0]]
    seed = max(_SEEDS[at[1]], mask)
    # The first look is cheap to pass and dear to miss: nearly every present target must reach it.
    look = round(float(np.clip(np.quantile(peaks, _MISSED), _LOWEST_LOOK, min(0.5, seed))), 2)
    return Thresholds(look=look, grow=round(min(look, max(0.1, 0.7 * look)), 2), seed=seed, mask=mask)


def _told_apart(cut: Thresholds, samples: Iterable[_Sample]) -> Thresholds:
    """How items that touch are told apart."""
    text = vocabulary().centres
    tries = [cut.model_copy(update={"rise": rise}) for rise in _RISES]
    tries += [_with(cut, Centres(text=text, floor=floor, rise=lift)) for floor in _FLOORS for lift in _LIFTS]
    hits = np.zeros(len(tries))
    for sample in samples:
        if 0 < sample.items <= MOST_COUNTED:
            hits += [count_labels(sample.labels(one)) == sample.items for one in tries]
    best = int(np.argmax(hits))
    by_peaks = tries[int(np.argmax(hits[: len(_RISES)]))]
    return tries[best].model_copy(update={"rise": by_peaks.rise})


def _marked(options: Sequence[Thresholds], samples: Iterable[_Sample], scenes: int, first_seed: int) -> Calibration:
    """The best of some thresholds, with what it reached."""
    ious: list[list[float]] = []
    shares: list[list[float]] = []
    hits: list[list[bool]] = []
    for sample in samples:
        found = [sample.labels(one) for one in options]
        if not sample.truth.any():
            shares.append([float((labels > 0).mean()) for labels in found])
            continue
        ious.append([_iou(labels > 0, sample.truth) for labels in found])
        if 0 < sample.items <= MOST_COUNTED:
            hits.append([count_labels(labels) == sample.items for labels in found])
    miou, absent, exact = (np.mean(rows, axis=0) if rows else np.zeros(len(options)) for rows in (ious, shares, hits))
    best = int(np.argmax(miou - _ABSENT * absent))
    return Calibration(
        thresholds=options[best],
        scenes=scenes,
        prompts=len(ious) + len(shares),
        first_seed=first_seed,
        exact=round(float(exact[best]), 4),
        miou=round(float(miou[best]), 4),
        absent=round(float(absent[best]), 4),
    )


def _with(cut: Thresholds, centres: Centres) -> Thresholds:
    return cut.model_copy(update={"centres": centres})


def _samples(model: Segmenter, count: int, first_seed: int, data: Path | None) -> Iterator[tuple[int, _Sample]]:
    """The samples of some scenes, each with the number of scenes done. They are drawn anew each time."""
    known = Centres(text=vocabulary().centres)
    made = scenes(count, first_seed, model.size, wide=True, held_out=False, data=data)
    for done, scene in enumerate(made, 1):
        phrases = phrases_for(scene, _PROMPTS, np.random.default_rng((first_seed, done)))
        logits, centres = ask(model, scene.image, [p.text for p in phrases], known)
        seam, areas = seams(scene), scene.areas()
        for phrase, logit in zip(phrases, logits, strict=True):
            codes = target(scene, phrase.meaning, seam)
            roles = meant_items(scene, phrase.meaning)[1:]
            items = count_sizes(areas[(roles == INSIDE) & (areas > 0)].astype(np.float64), codes.size)
            shown = centres if phrase.meaning.thing == "pack" else None
            yield done, _Sample(np.where(codes != IGNORED, logit, NOWHERE), codes == INSIDE, items, shown)


def _iou(marked: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float((marked & truth).sum() / max(1, (marked | truth).sum()))


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


def stored_interval(folder: Path) -> IntervalCalibration | None:
    """The interval that was found for these weights before; None where none was."""
    path = folder / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("interval") if path.is_file() else None
        return IntervalCalibration.model_validate(found) if found else None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


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
