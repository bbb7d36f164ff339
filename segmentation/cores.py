"""Where items that touch are told apart: the cores of a mask.

Maps of touching packs join at their outlines, and how sure a map is differs from photo to photo, so no one threshold
tells them apart. A core is a peak of the smoothed logits that rises by some logits above the saddle where it meets
another one: the peaks that persist, in the sense of Edelsbrunner, Letscher and Zomorodian, "Topological persistence
and simplification", 2002 (https://doi.org/10.1007/s00454-002-2885-2).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SMOOTH = 0.4  # tokens, sigma: unfolded tokens leave a texture of their own on a map
COARSE = 8  # px per token at which peaks are looked for; smoothing has taken what is finer
STEPS = 6  # levels within one rise


@dataclass(frozen=True)
class _Part:
    """A part of the map above one level that rises far enough above it."""

    level: int
    label: int
    parent: int  # position among the parts, -1 on the lowest level


def find_cores(logits: NDArray[np.float32], floor: float, rise: float, token: float) -> NDArray[np.int32]:
    """The peaks of a map that stay apart.

    Args:
        logits: (h, w).
        floor: what is below it belongs to no core.
        rise: by how much a peak must rise above the saddle to the next one.
        token: side of a token of the encoder in pixels of the map.

    Returns:
        (h, w), 0 for none and 1..n. A part above the floor that rises by less holds no core.
    """
    height, width = logits.shape
    step = max(1, int(token // COARSE))
    smooth = cv2.GaussianBlur(logits, (0, 0), max(0.1, SMOOTH * token))
    size = -(-width // step), -(-height // step)
    coarse = np.asarray(cv2.resize(smooth, size, interpolation=cv2.INTER_AREA), np.float32)
    maps, parts = _levels(coarse, floor, rise)
    cores = np.zeros(coarse.shape, np.int32)
    for number, part in enumerate(_leaves(parts), 1):
        cores[maps[part.level] == part.label] = number
    whole = cv2.resize(cores, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.where(logits >= floor, whole, 0).astype(np.int32)


def _levels(smooth: NDArray[np.float32], floor: float, rise: float) -> tuple[list[NDArray[np.int32]], list[_Part]]:
    """The labels of each level, from the floor up, and the parts that rise far enough above it."""
    maps: list[NDArray[np.int32]] = []
    parts: list[_Part] = []
    below: dict[int, int] = {}  # label on the level below -> position among the parts
    while True:
        level = floor + len(maps) * rise / STEPS
        peaks = smooth >= level + rise
        if not peaks.any():
            return maps, parts
        number, labels = cv2.connectedComponents((smooth >= level).astype(np.uint8), connectivity=4)
        at = np.full(number, -1, np.intp)  # a pixel of each part that rises far enough
        at[labels[peaks]] = np.flatnonzero(peaks)
        here: dict[int, int] = {}
        for label in np.flatnonzero(at >= 0).tolist():
            here[label] = len(parts)
            # What rises far enough here is part of something that does so below.
            parts.append(_Part(len(maps), label, below[int(maps[-1].flat[at[label]])] if maps else -1))
        maps.append(np.asarray(labels, np.int32))
        below = here


def _leaves(parts: list[_Part]) -> list[_Part]:
    """Each part that does not split further up, as low as it stands alone."""
    children: list[list[int]] = [[] for _ in parts]
    for position, part in enumerate(parts):
        if part.parent >= 0:
            children[part.parent].append(position)
    leaves: list[list[int]] = [[] for _ in parts]
    for position in range(len(parts) - 1, -1, -1):  # parents come before their children
        above = [leaf for child in children[position] for leaf in leaves[child]]
        leaves[position] = above if len(above) > 1 else [position]
    return [parts[leaf] for position, part in enumerate(parts) if part.parent < 0 for leaf in leaves[position]]
