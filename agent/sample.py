"""The shelf of the demo: rendered on the spot, so no photo is shipped and what stands on it is known."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from segmentation.training.scene import Scene, render
from segmentation.vocabulary import plural

SEED = 6
HEIGHT = 1400  # px
PARTLY = 0.4  # a pack of which less than this share of the usual area shows is cut by the frame or covered


@dataclass(frozen=True)
class Sample:
    """The drawn shelf and how many packs of each product stand on it."""

    path: Path
    products: dict[str, int]


def draw_sample(path: Path, seed: int = SEED) -> Sample:
    """Render the shelf into a JPEG file; the same seed gives the same shelf."""
    scene = render(seed, HEIGHT)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(scene.image).save(path, quality=92)
    return Sample(path, _products(scene))


def _products(scene: Scene) -> dict[str, int]:
    """Packs by brand and kind, those that hardly show left out."""
    areas = scene.areas()  # one per item
    shown: dict[str, list[int]] = {}
    for item, area in zip(scene.items, areas, strict=True):
        if item.product >= 0 and area > 0:
            product = scene.products[item.product]
            shown.setdefault(f"{product.brand.title()} {plural(product.kind)}", []).append(int(area))
    counts = Counter[str]()
    for name, seen in shown.items():
        counts[name] = sum(area >= PARTLY * float(np.median(seen)) for area in seen)
    return dict(counts.most_common())
