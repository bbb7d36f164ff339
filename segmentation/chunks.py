"""Parts of a heat map that are worth a closer look: hysteresis components, scored by confidence and size."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.geometry import Box
from segmentation.heatmap import HeatMap

SIZE_SPREAD = 1.0  # natural log units: a chunk e times the median's area keeps 0.6 of its score


@dataclass(frozen=True)
class Chunk:
    """A connected part of a map. `score` orders chunks: mean probability times a size term."""

    box: Box  # photo pixels
    area: float  # photo pixels
    peak: float
    mean: float
    score: float


def hysteresis(
    probability: NDArray[np.float32], seed: float, grow: float
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Parts that stay above `grow` and reach `seed` somewhere.

    Neighbours touch along an edge: a shared corner joins nothing, so packs that touch at a corner stay apart.

    Args:
        probability: (h, w).
        seed: what a part must reach.
        grow: how far down it spreads; at most `seed`.

    Returns:
        labels: (h, w), 0 for none and 1..n.
        statistics: (n, 5), OpenCV's left, top, width, height, area per part.
        peaks: (n,), the best probability per part.
    """
    mask = (probability >= grow).astype(np.uint8)
    number, labels, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    kept = np.unique(labels[probability >= seed])
    renumbered = np.zeros(number, np.int32)
    renumbered[kept] = np.arange(1, len(kept) + 1)
    peaks = np.zeros(len(kept), np.float32)
    for position, index in enumerate(kept):
        x, y, width, height = statistics[index, :4]
        window = np.s_[y : y + height, x : x + width]
        peaks[position] = probability[window][labels[window] == index].max()
    return renumbered[labels], statistics[kept], peaks


def find_chunks(heat: HeatMap, seed: float, grow: float, smallest: float) -> tuple[Chunk, ...]:
    """The chunks of a map, best first.

    Args:
        heat: the fused map.
        seed: what a chunk must reach.
        grow: how far down it spreads.
        smallest: area in photo pixels; a smaller one is kept only when its peak is half way from seed to 1.
    """
    labels, statistics, peaks = hysteresis(heat.probability, seed, grow)
    if not len(peaks):
        return ()
    sums = np.bincount(labels.ravel(), weights=heat.probability.ravel(), minlength=len(peaks) + 1)[1:]
    pixels = statistics[:, cv2.CC_STAT_AREA]
    areas = pixels * heat.scale**2
    kept = (areas >= smallest) | (peaks >= (1 + seed) / 2)
    if not kept.any():
        return ()
    median = float(np.median(areas[kept]))
    chunks = []
    for index in np.flatnonzero(kept):
        x, y, width, height = (int(value) for value in statistics[index, :4])
        box = heat.to_photo((x, y, x + width, y + height))
        mean = float(sums[index] / pixels[index])
        size = float(np.exp(-0.5 * (np.log(areas[index] / median) / SIZE_SPREAD) ** 2))
        chunks.append(Chunk(box, float(areas[index]), float(peaks[index]), mean, mean * size))
    return tuple(sorted(chunks, key=lambda chunk: (-chunk.score, chunk.box)))
