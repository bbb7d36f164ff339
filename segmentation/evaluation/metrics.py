"""Scores of heat maps against masks, as CLIPSeg's authors compute them, and counts of components.

Thresholds and sums follow metrics.py and score.py of github.com/timojl/clipseg (commit 77c4e2d): 49
thresholds from 0.02 to 0.98, pixel counts summed over the whole set for IoU_FG and AP, AP by Simpson's rule,
mIoU as the mean over samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import simpson

THRESHOLDS: NDArray[np.float64] = np.round(np.linspace(0, 1, 51)[1:-1], 2)


@dataclass(frozen=True)
class PixelCounts:
    """Pixels of one sample, or sums over samples, per threshold; each array has shape (49,)."""

    hit: NDArray[np.int64]  # lit and meant
    extra: NDArray[np.int64]  # lit, not meant
    missed: NDArray[np.int64]  # meant, not lit
    pixels: int

    def __add__(self, other: "PixelCounts") -> "PixelCounts":
        return PixelCounts(
            self.hit + other.hit,
            self.extra + other.extra,
            self.missed + other.missed,
            self.pixels + other.pixels,
        )


def count_pixels(
    probability: NDArray[np.float32], truth: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None
) -> PixelCounts:
    """Count one sample at all thresholds.

    Args:
        probability: (height, width), 0..1.
        truth: (height, width).
        valid: (height, width); pixels that count. None counts all.
    """
    if valid is not None:
        probability, truth = probability[valid], truth[valid]
    # A pixel is lit at threshold t when its probability is greater than t.
    level = np.searchsorted(THRESHOLDS, probability.ravel(), side="left")
    meant = truth.ravel()
    inside = np.bincount(level[meant], minlength=50)
    outside = np.bincount(level[~meant], minlength=50)
    hit = inside[::-1].cumsum()[::-1][1:]
    extra = outside[::-1].cumsum()[::-1][1:]
    return PixelCounts(hit, extra, int(meant.sum()) - hit, int(meant.size))


@dataclass(frozen=True)
class MaskScores:
    """Scores of a set of samples at one threshold; AP uses all thresholds."""

    threshold: float
    samples: int
    miou: float
    iou_fg: float
    ap: float
    dice: float
    accuracy: float


def score_masks(samples: list[PixelCounts], threshold: float) -> MaskScores:
    """Score samples whose truth is not empty.

    Args:
        samples: At least one.
        threshold: The nearest of the 49 is used.

    Raises:
        ValueError: No samples.
    """
    if not samples:
        raise ValueError("no samples to score")
    at = int(np.argmin(np.abs(THRESHOLDS - threshold)))
    total = samples[0]
    for sample in samples[1:]:
        total = total + sample
    ious = [s.hit[at] / max(1, s.hit[at] + s.extra[at] + s.missed[at]) for s in samples]
    hit, extra, missed = int(total.hit[at]), int(total.extra[at]), int(total.missed[at])
    return MaskScores(
        threshold=float(THRESHOLDS[at]),
        samples=len(samples),
        miou=float(np.mean(ious)),
        iou_fg=hit / max(1, hit + extra + missed),
        ap=average_precision(total),
        dice=2 * hit / max(1, 2 * hit + extra + missed),
        accuracy=1 - (extra + missed) / max(1, total.pixels),
    )


def average_precision(total: PixelCounts) -> float:
    """Area under precision over recall at the 49 thresholds, Simpson's rule, no extrapolation beyond them."""
    recall = total.hit / np.maximum(1, total.hit + total.missed)
    lit = total.hit + total.extra
    precision = np.where(lit > 0, total.hit / np.maximum(1, lit), 1.0)
    rising = recall[::-1]
    steps, first = np.unique(rising, return_index=True)
    if len(steps) < 2:
        return 0.0
    return float(np.clip(simpson(precision[::-1][first], x=steps), 0.0, 1.0))


@dataclass(frozen=True)
class CountScores:
    """How component counts compare with true counts."""

    samples: int
    exact: float
    mae: float
    bias: float


def score_counts(found: list[int], true: list[int]) -> CountScores:
    """Compare counts.

    Raises:
        ValueError: No samples, or lists of different length.
    """
    if not found or len(found) != len(true):
        raise ValueError("counts must be two equally long lists, not empty")
    error = np.array(found) - np.array(true)
    return CountScores(len(found), float((error == 0).mean()), float(np.abs(error).mean()), float(error.mean()))
