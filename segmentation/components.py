"""Connected components of the fused heat map: what meaning alone would count.

They are told apart by their cores, where the model is surer than at their outlines: outlines of packs that touch join
sooner. Each core then spreads over the mask that it lies in, as far as no other core is nearer.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects

from segmentation.chunks import hysteresis
from segmentation.geometry import Box, clip
from segmentation.heatmap import HeatMap


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
    heat: HeatMap, seed: float, mask: float, smallest: float, width: int, height: int, core: float = 0.0
) -> tuple[Component, ...]:
    """The components of a map, from top to bottom and left to right.

    A map without contrast is no special case: all of it above the thresholds is one component, all of it
    below is none.

    Args:
        heat: the fused map.
        seed: what a component must reach somewhere.
        mask: how far down it spreads.
        core: what holds inside of it; two parts that only join below it are two components.
        smallest: area in photo pixels below which a component is noise.
        width: of the photo; boxes are clipped to it.
        height: of the photo.
    """
    labels, _, peaks = hysteresis(heat.probability, seed, max(core, mask))
    if core > mask:
        labels = spread(labels, heat.probability >= mask)
    found = []
    for index, (peak, window) in enumerate(zip(peaks, find_objects(labels), strict=True)):
        part = labels[window] == index + 1
        (y, x), (h, w) = (side.start for side in window), part.shape
        area = float(part.sum()) * heat.scale**2
        if area < smallest:
            continue
        box = clip(heat.to_photo((x, y, x + w, y + h)), width, height)
        score = float(heat.probability[y : y + h, x : x + w][part].mean())
        found.append(Component(box, area, score, float(peak), part, (x, y)))
    return tuple(sorted(found, key=lambda component: (component.box[1], component.box[0])))


def spread(cores: NDArray[np.int32], mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Cores grown over the parts of a mask that they lie in; every pixel goes to the nearest core of its part.

    Args:
        cores: (h, w), 0 for none and 1..n, all of them on the mask.
        mask: (h, w).

    Returns:
        (h, w), 0 for none and 1..n.
    """
    number, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    pairs = np.unique(np.stack([parts[cores > 0], cores[cores > 0]]), axis=1)  # (2, n) part and core
    held = np.bincount(pairs[0], minlength=number)
    only = np.zeros(number, np.int32)
    only[pairs[0]] = pairs[1]
    grown = np.where(held[parts] == 1, only[parts], cores)
    for part, window in enumerate(find_objects(parts), 1):
        if held[part] > 1:
            inside = parts[window] == part
            own = np.where(inside, cores[window], 0)
            rows, columns = distance_transform_edt(own == 0, return_distances=False, return_indices=True)
            grown[window][inside] = own[rows, columns][inside]
    return np.asarray(grown, np.int32)
