"""Connected components of the fused heat map: what meaning alone would count.

Outlines of packs that touch join. Weights that know the centres of packs (Thresholds.centres) tell packs apart by
these, and a pack is marked as a whole or not at all. Where no centre is seen, the map's own peaks are what is told
apart (segmentation.cores). Either spreads over the mask that it lies in, as far as no other is nearer.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects

from segmentation.checkpoint import Centres, Thresholds
from segmentation.chunks import hysteresis
from segmentation.cores import find_cores
from segmentation.geometry import Box, clip
from segmentation.heatmap import HeatMap, sigmoid

Map = NDArray[np.float32]
SURE = 0.95  # quantile of what is marked: how sure a map is there differs between rendered scenes and photos
LEAST_RISE = 0.2  # logits


@dataclass(frozen=True, eq=False)
class Component:
    """One component. `mask` is its own part of the canvas; `offset` is where that part begins."""

    box: Box  # photo pixels
    area: float  # photo pixels
    score: float  # mean probability
    peak: float
    mask: NDArray[np.bool_]  # (h, w) canvas pixels
    offset: tuple[int, int]  # x, y in canvas pixels

    def mask_over(self, box: Box, scale: float) -> NDArray[np.bool_]:
        """The mask in the photo pixels of a box, (h, w); `scale` is photo pixels a canvas pixel."""
        height, width = self.mask.shape
        x = ((np.arange(box[0], box[2]) + 0.5) / scale).astype(np.intp) - self.offset[0]
        y = ((np.arange(box[1], box[3]) + 0.5) / scale).astype(np.intp) - self.offset[1]
        return self.mask[np.ix_(np.clip(y, 0, height - 1), np.clip(x, 0, width - 1))]


def find_components(
    heat: HeatMap, cut: Thresholds, token: float, smallest: float, width: int, height: int
) -> tuple[Component, ...]:
    """The components of a map, from top to bottom and left to right.

    A map without contrast is no special case: all of it above the thresholds is one component, all of it
    below is none.

    Args:
        heat: the fused map.
        cut: where it is cut.
        token: side of a token of the closest view in photo pixels.
        smallest: area in photo pixels below which a component is noise.
        width: of the photo; boxes are clipped to it.
        height: of the photo.
    """
    labels = label_items(heat.logits, cut, token / heat.scale, heat.centres)
    found = []
    for index, window in enumerate(find_objects(labels)):
        part = labels[window] == index + 1
        (y, x), (h, w) = (side.start for side in window), part.shape
        area = float(part.sum()) * heat.scale**2
        if area < smallest:
            continue
        box = clip(heat.to_photo((x, y, x + w, y + h)), width, height)
        inside = heat.probability[y : y + h, x : x + w][part]
        found.append(Component(box, area, float(inside.mean()), float(inside.max()), part, (x, y)))
    return tuple(sorted(found, key=lambda component: (component.box[1], component.box[0])))


def label_items(logits: Map, cut: Thresholds, token: float, centres: Map | None = None) -> NDArray[np.int32]:
    """What is marked on a map, each item with its number.

    Args:
        logits: (h, w).
        cut: where the map is cut.
        token: side of a token of the encoder in pixels of the map.
        centres: (h, w), logits of being the centre of a pack; None when no packs are meant, or the weights show none.

    Returns:
        (h, w), 0 for none and 1..n.
    """
    if centres is None or cut.centres is None:
        return _by_peaks(logits, cut, token)
    return _by_centres(logits, centres, cut, cut.centres, token)


def _by_centres(logits: Map, centres: Map, cut: Thresholds, known: Centres, token: float) -> NDArray[np.int32]:
    """The packs whose centres the map covers. A part of the mask without any centre is left to its peaks."""
    probability = sigmoid(logits)
    parts, _, _ = hysteresis(probability, cut.mask, cut.mask)
    mask = parts > 0
    cores = find_cores(centres, _logit(known.floor), known.rise, token)
    number = int(cores.max()) + 1
    area = np.maximum(np.bincount(cores.ravel(), minlength=number), 1)
    sure = np.bincount(cores.ravel(), probability.ravel(), minlength=number) / area
    sure[0] = 0.0
    cores[~mask] = 0
    packs = spread(cores, mask)  # those that are not marked take their share of the mask too
    packs[sure[packs] < known.marked] = 0
    held = np.bincount(parts[cores > 0], minlength=int(parts.max()) + 1) > 0
    rest = mask & ~held[parts]
    if rest.any():
        others = _by_peaks(np.where(rest, logits, np.float32(_logit(cut.mask) - 1)), cut, token)
        packs = np.where(others > 0, others + number, packs)
    return _renumbered(packs)


def _by_peaks(logits: Map, cut: Thresholds, token: float) -> NDArray[np.int32]:
    """Parts of the mask that reach the seed, split at their cores."""
    parts, _, _ = hysteresis(sigmoid(logits), cut.seed, cut.mask)
    marked = parts > 0
    if not marked.any():
        return parts
    floor = _logit(cut.mask)
    rise = cut.rise * (float(np.quantile(logits[marked], SURE)) - floor)
    cores = find_cores(np.where(marked, logits, np.float32(floor - 1)), floor, max(rise, LEAST_RISE), token)
    cores[~marked] = 0
    shape = int(cores.max()) + 1, int(parts.max()) + 1
    shared = np.bincount((cores * shape[1] + parts)[marked], minlength=shape[0] * shape[1]).reshape(shape)
    owner = shared.argmax(1)  # smoothing reaches over thin seams; a core stays on the side where most of it lies
    cores[owner[cores] != parts] = 0
    held = np.bincount(parts[cores > 0], minlength=shape[1]) > 0
    alone = marked & ~held[parts]  # what reaches the seed in too small a spot to outlast smoothing
    cores[alone] = cores.max() + parts[alone]
    return spread(_renumbered(cores), marked)


def _logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def spread(cores: NDArray[np.int32], mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Cores grown over the parts of a mask that they lie in; every pixel goes to the nearest core of its part.

    Args:
        cores: (h, w), 0 for none and 1..n, all of them on the mask.
        mask: (h, w).

    Returns:
        (h, w), 0 for none and 1..n.
    """
    number, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    shared = np.zeros((number, int(cores.max()) + 1), np.bool_)
    shared[parts[cores > 0], cores[cores > 0]] = True
    held, only = shared.sum(1), shared.argmax(1).astype(np.int32)
    grown = np.where(held[parts] == 1, only[parts], cores)
    for part, window in enumerate(find_objects(parts), 1):
        if held[part] > 1:
            inside = parts[window] == part
            own = np.where(inside, cores[window], 0)
            rows, columns = distance_transform_edt(own == 0, return_distances=False, return_indices=True)
            grown[window][inside] = own[rows, columns][inside]
    return np.asarray(grown, np.int32)


def _renumbered(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """The same labels as 1..n, 0 as it was."""
    used = np.bincount(labels.ravel()) > 0
    used[0] = False
    return np.asarray((np.cumsum(used) * used).astype(np.int32)[labels])
