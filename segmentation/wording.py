"""How well a wording finds its target on one photo, without labels: wordings are compared, not trusted.

Neither the mean nor the best probability says how good a wording is (generic words win), nor does entropy
alone (an empty map is perfect). Each map is therefore judged by several partial scores in 0..1; the score is
their geometric mean, so that one zero is a veto:

    stability    the mask hardly changes when the threshold does (SAM's stability score)
    separation   inside the mask is far from a ring outside it
    agreement    the map agrees with the map of the user's own words and with the mean of all (ZPS)
    margin       the mask is above what unrelated things (shelf, price tag) reach in the same place
    plausible    covers more than a speck and less than nearly everything

When no wording finds anything, all scores are 0 and the user's own words stand: absent stays absent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.checkpoint import Thresholds
from segmentation.chunks import hysteresis
from segmentation.clipseg import Conditions
from segmentation.heatmap import HeatMap
from segmentation.meaning import Encoder, survey

Map = NDArray[np.float32]
LARGEST_SIDE = 512  # canvas pixels: wordings are compared on every n-th pixel, as coarse as the overview is
SHIFT = 0.5  # logits by which the threshold is moved to see whether the mask holds
RING = 9  # canvas pixels around the mask that count as outside
LEAST_COVER, MOST_COVER = 0.0005, 0.9  # share of the photo; a shelf may be full of one thing
SIBLINGS = ("shelf", "price tag")


class TextEncoder(Encoder, Protocol):
    """What scoring needs of a ClipSeg beyond looking at pixels."""

    def text(self, texts: Sequence[str]) -> Conditions:
        """One condition per text."""
        ...


@dataclass(frozen=True)
class ScoredWording:
    """A wording with its score, the parts of the score, and what its map alone would count."""

    text: str
    score: float
    count: int
    parts: dict[str, float]


def score_wordings(
    engine: TextEncoder, pixels: NDArray[np.uint8], wordings: Sequence[str]
) -> tuple[ScoredWording, ...]:
    """Score wordings on a photo; the first is the user's own. One look at the photo serves them all.

    Args:
        engine: a loaded ClipSeg.
        pixels: (H, W, 3) uint8 RGB.
        wordings: at least one.
    """
    texts = tuple(dict.fromkeys(wordings))
    siblings = tuple(text for text in SIBLINGS if text not in texts)
    heats = survey(engine, pixels, engine.text((*texts, *siblings)))
    return score_maps(texts, heats[: len(texts)], heats[len(texts) :], engine.checkpoint.thresholds)


def score_maps(
    texts: Sequence[str], heats: Sequence[HeatMap], siblings: Sequence[HeatMap], thresholds: Thresholds
) -> tuple[ScoredWording, ...]:
    """Scores from maps; the first is that of the user's own words."""
    step = max(1, -(-max(heats[0].logits.shape) // LARGEST_SIDE))
    maps = [heat.probability[::step, ::step] for heat in heats]
    mean = np.asarray(np.mean(maps, axis=0), dtype=np.float32)
    rival = (
        np.max([heat.probability[::step, ::step] for heat in siblings], axis=0)
        if siblings
        else np.zeros_like(mean, dtype=np.float32)
    )
    scored = []
    for text, heat, probability in zip(texts, heats, maps, strict=True):
        _, statistics, _ = hysteresis(probability, thresholds.seed, thresholds.mask)
        mask = probability >= thresholds.mask
        parts = {
            "stability": _stability(heat.logits[::step, ::step], thresholds.mask),
            "separation": _separation(probability, mask),
            "agreement": (_agreement(probability, maps[0]) * _agreement(probability, mean)) ** 0.5,
            "margin": _margin(probability, rival, mask),
            "plausible": _plausible(mask),
        }
        score = float(np.prod(list(parts.values())) ** (1 / len(parts)))
        if not len(statistics):  # nothing reaches the seed: it found nothing
            score = 0.0
        rounded = {name: round(value, 4) for name, value in parts.items()}
        scored.append(ScoredWording(text, round(score, 4), len(statistics), rounded))
    return tuple(scored)


def _stability(logits: Map, threshold: float) -> float:
    """Overlap of the masks a little above and a little below the threshold."""
    cut = float(np.log(threshold / (1 - threshold)))
    inner, outer = int((logits >= cut + SHIFT).sum()), int((logits >= cut - SHIFT).sum())
    return inner / outer if outer else 0.0


def _separation(probability: Map, mask: NDArray[np.bool_]) -> float:
    """Mean inside minus mean in a ring outside."""
    if not mask.any() or mask.all():
        return 0.0
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((RING, RING), np.uint8)).astype(bool)
    ring = wide & ~mask
    return float(np.clip(probability[mask].mean() - (probability[ring].mean() if ring.any() else 0.0), 0, 1))


def _agreement(one: Map, other: Map) -> float:
    """Soft overlap: sum of minima over sum of maxima."""
    union = float(np.maximum(one, other).sum())
    return float(np.minimum(one, other).sum()) / union if union > 0 else 0.0


def _margin(probability: Map, rival: Map, mask: NDArray[np.bool_]) -> float:
    """How far the mask is above the strongest unrelated thing, 0.5 for a tie."""
    if not mask.any():
        return 0.0
    return float(np.clip(0.5 + (probability[mask] - rival[mask]).mean() / 2, 0, 1))


def _plausible(mask: NDArray[np.bool_]) -> float:
    cover = float(mask.mean())
    return 1.0 if LEAST_COVER <= cover <= MOST_COVER else 0.0
