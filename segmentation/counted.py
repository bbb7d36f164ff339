"""What is asked of the counting engine, and what it answers."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segmentation.geometry import Box
from segmentation.interval import Interval
from segmentation.photo import Photo
from segmentation.place import Place
from segmentation.target import Target

Evidence = Literal["meaning", "label", "repetition"]


@dataclass(frozen=True)
class Question:
    """What is to be counted on one photo."""

    target: Target
    exclude: tuple[Target, ...] = ()
    row: int | None = None
    places: tuple[Place, ...] = ()
    examples: tuple[tuple[Photo | None, Box | None], ...] = ()  # None: the same photo; the whole of it
    wordings: tuple[str, ...] = ()  # for the vision model; none: the target's own
    broader: tuple[str, ...] = ()  # words for part of what the target is, averaged in
    regions: tuple[tuple[Box, str], ...] = ()  # parts of the photo with a wording of their own
    tune: bool = False  # fit the words to the examples on this photo, and count what lights up


@dataclass(frozen=True)
class Item:
    """One counted thing. The mask is (h, w) over its own box, or None."""

    box: Box
    score: float
    evidence: tuple[Evidence, ...]
    mask: NDArray[np.bool_] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Dropped:
    """One thing that was seen and not counted."""

    box: Box
    score: float
    reason: str


@dataclass(frozen=True)
class Counted:
    """A count and what it rests on."""

    items: tuple[Item, ...]
    dropped: tuple[Dropped, ...]
    interval: Interval
    components: int
    presence: float
    saturated: bool
    warnings: tuple[str, ...]
    seconds: dict[str, float]
