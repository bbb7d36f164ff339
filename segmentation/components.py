"""Connected components of the fused heat map: what meaning alone would count."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    heat: HeatMap, seed: float, mask: float, smallest: float, width: int, height: int
) -> tuple[Component, ...]:
    """The components of a map, from top to bottom and left to right.

    A map without contrast is no special case: all of it above the thresholds is one component, all of it
    below is none.

    Args:
        heat: the fused map.
        seed: what a component must reach somewhere.
        mask: how far down it spreads.
        smallest: area in photo pixels below which a component is noise.
        width: of the photo; boxes are clipped to it.
        height: of the photo.
    """
    labels, statistics, peaks = hysteresis(heat.probability, seed, mask)
    found = []
    for index, peak in enumerate(peaks):
        x, y, w, h, canvas_area = (int(value) for value in statistics[index])
        area = canvas_area * heat.scale**2
        if area < smallest:
            continue
        part = labels[y : y + h, x : x + w] == index + 1
        box = clip(heat.to_photo((x, y, x + w, y + h)), width, height)
        score = float(heat.probability[y : y + h, x : x + w][part].mean())
        found.append(Component(box, area, score, float(peak), part, (x, y)))
    return tuple(sorted(found, key=lambda component: (component.box[1], component.box[0])))
