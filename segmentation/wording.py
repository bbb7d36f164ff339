"""How well a wording finds its target on one photo, without labels: wordings are compared, not trusted.

The score is how sure the model is of what it marks: the mean probability inside the mask. Measured against the truth
of rendered scenes it ranks wordings no worse than terms that need more decoding, such as margins over unrelated words
(docs/experiments.md, "Wordings"); none ranks them well, which is why choosing leans on what a kind of wording gained
there. What cannot be told by a score is a gate: a wording that marks nothing, nearly everything, or mostly other places
than the user's own words scores 0.

A chunk is scored in the same way on its own, because a wording may fit one part of a shelf and not the others. When
no wording finds anything, all scores are 0 and the user's own words stand: absent stays absent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from segmentation.checkpoint import Thresholds
from segmentation.chunks import find_chunks, hysteresis
from segmentation.clipseg import Conditions
from segmentation.geometry import Box
from segmentation.heatmap import HeatMap
from segmentation.meaning import Encoder, survey

Map = NDArray[np.float32]
LARGEST_SIDE = 512  # canvas pixels: wordings are compared on every n-th pixel, as coarse as the overview is
LEAST_COVER, MOST_COVER = 0.0005, 0.9  # share of the photo; a shelf may be full of one thing
SHARE = 0.4  # of the logits that broader texts weigh beside the user's own words (docs/experiments.md, "Wordings")
ANCHOR = 0.5  # of the threshold: what the user's own words must give the marked area, or it is something else
MOST_CHUNKS = 6  # the largest ones are scored


class TextEncoder(Encoder, Protocol):
    """What scoring needs of a ClipSeg beyond looking at pixels."""

    def text(self, texts: Sequence[str]) -> Conditions:
        """One condition per text."""
        ...


@dataclass(frozen=True)
class ChunkScore:
    """What a wording is worth in one chunk, and how many components it shows there."""

    box: Box
    score: float
    count: int


@dataclass(frozen=True)
class ScoredWording:
    """A wording with its score and how many sure spots its map has; chunks are the same for all wordings."""

    text: str
    score: float
    count: int
    chunks: tuple[ChunkScore, ...] = ()


def agreement(engine: TextEncoder, texts: Sequence[str], broader: Sequence[str]) -> Conditions:
    """What a search looks for: where all texts agree, or, with broader ones, where the weighted mean of all is high.

    A broader text says part of what is asked: "soup" of "soup cans", "cans" of "red cans".
    """
    wanted = engine.text(list(texts))
    return wanted.beside(engine.text(list(broader)), SHARE) if broader else wanted


def score_wordings(
    engine: TextEncoder, pixels: NDArray[np.uint8], wordings: Sequence[str], broader: Sequence[str] = ()
) -> tuple[ScoredWording, ...]:
    """Score wordings on a photo. One look at the photo serves them all.

    The first is the user's own and is scored alone. A broader one, if any, comes next, and then the others: each is
    scored where it agrees with the user's own and with the broader ones, as it would be used.

    Args:
        engine: a loaded ClipSeg.
        pixels: (H, W, 3) uint8 RGB.
        wordings: at least one.
        broader: texts that say part of what is asked.
    """
    texts = tuple(dict.fromkeys(wordings))
    heats = survey(engine, pixels, engine.text([*texts, *broader]))
    own, others, wide = heats[0], heats[1 : len(texts)], heats[len(texts) :]
    base = _blended([own], wide)
    maps = [own, *([base] if broader else []), *(_blended([own, other], wide) for other in others)]
    names = [texts[0], *broader[:1], *texts[1:]]
    return score_maps(names, maps, engine.checkpoint.thresholds)


def _blended(heats: Sequence[HeatMap], broader: Sequence[HeatMap]) -> HeatMap:
    """The map of a search that looks for all of them, as agreement() says."""
    maps = np.stack([heat.logits for heat in heats])
    if not broader:
        return HeatMap(maps.min(axis=0), heats[0].scale)
    wide = np.mean([heat.logits for heat in broader], axis=0)
    return HeatMap(np.asarray((1 - SHARE) * maps.mean(axis=0) + SHARE * wide, np.float32), heats[0].scale)


def score_maps(texts: Sequence[str], heats: Sequence[HeatMap], thresholds: Thresholds) -> tuple[ScoredWording, ...]:
    """Scores from maps; the first is that of the user's own words."""
    step = max(1, -(-max(heats[0].logits.shape) // LARGEST_SIDE))
    maps = [heat.probability[::step, ::step] for heat in heats]
    scale = heats[0].scale * step
    areas = [(box, _window(box, scale, maps[0].shape)) for box in _chunks(heats, step, thresholds)]
    scored = []
    for text, probability in zip(texts, maps, strict=True):
        _, statistics, _ = hysteresis(probability, thresholds.seed, thresholds.seed)
        mask = probability >= thresholds.mask
        covers = LEAST_COVER <= float(mask.mean()) <= MOST_COVER
        # Nothing reaches the seed: it found nothing.
        found = len(statistics) > 0 and covers and float(maps[0][mask].mean()) >= ANCHOR * thresholds.mask
        chunks = tuple(
            ChunkScore(
                box,
                round(_sureness(probability[area], mask[area]), 4) if found else 0.0,
                sum(_inside(part, area) for part in statistics),
            )
            for box, area in areas
        )
        score = _sureness(probability, mask) if found else 0.0
        scored.append(ScoredWording(text, round(score, 4), len(statistics), chunks))
    return tuple(scored)


def _chunks(heats: Sequence[HeatMap], step: int, thresholds: Thresholds) -> list[Box]:
    """Where any of the wordings sees something, as boxes on the photo."""
    best = np.max([heat.logits[::step, ::step] for heat in heats], axis=0)
    heat = HeatMap(np.ascontiguousarray(best, np.float32), heats[0].scale * step)
    smallest = LEAST_COVER * best.size * heat.scale**2
    chunks = find_chunks(heat, thresholds.look, thresholds.grow, smallest)
    return [chunk.box for chunk in chunks[:MOST_CHUNKS]]


def _window(box: Box, scale: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The pixels of a map that a box on the photo covers, at least one."""
    x0, y0 = (min(int(value / scale), limit - 1) for value, limit in ((box[0], shape[1]), (box[1], shape[0])))
    return slice(y0, max(y0 + 1, round(box[3] / scale))), slice(x0, max(x0 + 1, round(box[2] / scale)))


def _inside(part: NDArray[np.int32], area: tuple[slice, slice]) -> bool:
    """Whether the middle of a component (left, top, width, height, area) lies in a window."""
    rows, columns = area
    x, y = part[0] + part[2] / 2, part[1] + part[3] / 2
    return bool(columns.start <= x < columns.stop and rows.start <= y < rows.stop)


def _sureness(probability: Map, mask: NDArray[np.bool_]) -> float:
    """The mean probability inside the mask."""
    return float(np.clip(probability[mask].mean(), 0, 1)) if mask.any() else 0.0
