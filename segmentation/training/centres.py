"""Where the centres of packs are, whatever the packs: one more map that is asked of every scene.

Maps of what was asked join where packs touch. Centres of packs that touch are half a pack apart, which is more than a
token where the pack is two tokens wide; and they need no word understood.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.training.phrases import BORDER, IGNORED, INSIDE, OUTSIDE, Mask
from segmentation.training.scene import Scene

SMALLEST = 64 / 352**2  # parts under this share of the view are no items, in truth and in prediction alike
PARTIAL = 0.2  # nor are parts under this share of the median part: slivers at borders and behind others
_CENTRAL = 0.5  # of the way from the outline of a pack to its innermost point: where its centre begins


def items_among(areas: NDArray[np.float64], pixels: int) -> NDArray[np.bool_]:
    """Which areas are neither specks nor slivers beside the median one."""
    large = areas >= SMALLEST * pixels
    if large.any():
        large &= areas >= PARTIAL * np.median(areas[large])
    return np.asarray(large)


def centres(scene: Scene, seam: NDArray[np.bool_]) -> Mask:
    """The centres of the packs of a scene: OUTSIDE, INSIDE, BORDER or IGNORED, shape (height, width).

    The centre of a pack is what lies deeper in its visible part than half of the innermost point does, in one piece.
    Packs of the second row and slivers are ignored, for neither is counted.

    Args:
        scene: A rendered scene.
        seam: From phrases.seams(scene).
    """
    labels = scene.labels
    inner = labels > 0
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    inner[:, 1:] &= ~across
    inner[1:] &= ~down
    depth = np.asarray(cv2.distanceTransform(inner.astype(np.uint8), cv2.DIST_L2, 3), np.float32)
    deepest = np.zeros(len(scene.items) + 1, np.float32)
    np.maximum.at(deepest, labels.ravel(), depth.ravel())
    fronts = np.array([item.thing == "pack" for item in scene.items], np.bool_)
    packs = np.array([item.product >= 0 for item in scene.items], np.bool_)
    whole = fronts & items_among(np.where(fronts, scene.areas(), 0).astype(np.float64), labels.size)
    roles = np.zeros(len(scene.items) + 1, np.uint8)
    roles[1:][packs & ~whole] = IGNORED
    roles[1:][whole] = INSIDE
    mask = roles[labels]
    central = (mask == INSIDE) & (depth >= _CENTRAL * deepest[labels])
    mask[mask == INSIDE] = OUTSIDE
    mask[seam & (mask == OUTSIDE)] = BORDER
    _, parts, statistics, _ = cv2.connectedComponentsWithStats(central.astype(np.uint8), connectivity=4)
    sizes = statistics[:, cv2.CC_STAT_AREA].astype(np.int64)
    owner = np.zeros(len(sizes), np.intp)
    owner[parts[central]] = labels[central]
    largest = np.zeros(len(scene.items) + 1, np.int64)
    np.maximum.at(largest, owner, sizes)
    mask[central] = np.where(sizes < largest[owner], IGNORED, INSIDE).astype(np.uint8)[parts[central]]
    return np.asarray(mask, np.uint8)
