"""Finds: places that were judged to be copies of an example, how strong each is, and which are the same pack."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from segmentation.geometry import Box, Point, centre, intersection, overlap_of_smaller
from segmentation.keypoints import Floats
from segmentation.labels import ReadWord
from segmentation.likeness import Likeness
from segmentation.print_match import LabelHit

SURE = 1.5  # strength from which a copy counts whatever the others are
HOPELESS = -0.5  # strength under which a copy never counts; between the two the widest gap decides
SAME_COLOUR = 20.0  # CIELAB; light alone can do this much
STRAY_COLOUR = 5.0  # CIELAB beyond the copies whose label is read
SEVERAL = 3  # sure copies, the example included
EVIDENT_COPY = 3.0  # strength from which a copy may vote itself, and counts although its variant's word is not read
NEXT_TO = 1.7  # widths of a pack from its middle to that of the next one
SAME_PACK = 0.5  # intersection over the smaller box from which two finds are one pack


class Origin(Enum):
    """Where an example comes from."""

    USER = "user"
    LABEL = "label"  # a window about a word
    PACK = "pack"  # the pack around such a window


@dataclass(frozen=True)
class Source:
    """An example: a box on a photo, given by the user or read from a label."""

    box: Box
    origin: Origin
    pixels: NDArray[np.uint8] | None = None  # (H, W, 3) of another photo; None: the photo that is searched
    sha256: str | None = None
    words: tuple[ReadWord, ...] = ()  # words of the other photo


@dataclass(frozen=True)
class Find:
    """One place judged: how strongly it resembles the example, and what is read there."""

    box: Box
    strength: float
    votes: int
    likeness: Likeness | None
    transform: Floats | None = None  # (2, 3), root example -> photo
    hit: LabelHit | None = None
    contradiction: str | None = None
    look: float | None = None  # how much the example's word is seen again, where it was not read

    @property
    def centre(self) -> Point:
        """Middle of the box."""
        return centre(self.box)

    @property
    def repeated(self) -> bool:
        """Whether votes stand behind it; else it is known from its label alone."""
        return self.votes > 0


@dataclass(frozen=True)
class SearchResult:
    """All places that count, the most plausible that do not, and whether a cap was hit."""

    found: tuple[Find, ...]
    rejected: tuple[Find, ...]
    saturated: bool


def strength(votes: int, chance: float, likeness: Likeness) -> float:
    """How strongly votes, print and colour together speak for the same product; positive is for."""
    return (
        1.5 * float(np.log(max(votes, 1) / chance))
        + 0.6 * (likeness.print - 0.72) / 0.10
        - 0.4 * (likeness.colour - 18.0) / 10.0
    )


def cut(strengths: Sequence[float], sure: float = SURE, hopeless: float = HOPELESS) -> float:
    """The strength from which copies count: the middle of the widest gap between hopeless and sure.

    Several sure copies say how strong a copy is on this photo: the gap may then reach up to the weakest of them.
    """
    strong = sorted(value for value in strengths if value >= sure)
    top = strong[0] if len(strong) >= SEVERAL else sure
    inner = sorted((value for value in strengths if hopeless < value < sure), reverse=True)
    levels = [top, *inner, hopeless]
    gaps = [high - low for high, low in pairwise(levels)]
    widest = int(np.argmax(gaps))
    return min((levels[widest] + levels[widest + 1]) / 2, sure)


def one_find_a_hit(finds: Sequence[Find]) -> list[Find]:
    """Each label hit confirms one find, the strongest that holds it: a word stands on one pack."""
    taken: set[Box] = set()
    kept = []
    for find in sorted(finds, key=lambda f: -f.strength):
        if find.hit is not None and find.hit.box in taken:
            find = replace(find, hit=None)
        elif find.hit is not None:
            taken.add(find.hit.box)
        kept.append(find)
    return kept


def colour_of_confirmed(finds: Sequence[Find]) -> float:
    """How far the colour of a copy may stray: a little further than on the copies whose label is read."""
    colours = [
        find.likeness.colour
        for find in finds
        if find.hit is not None and find.likeness is not None and find.strength >= HOPELESS and not is_itself(find)
    ]
    return max(SAME_COLOUR, max(colours) + STRAY_COLOUR) if colours else float("inf")


def between_read(find: Find, finds: Sequence[Find]) -> bool:
    """Whether an evident copy stands between two whose word is read: a sign or a glare may hide its own."""
    width, height = find.box[2] - find.box[0], find.box[3] - find.box[1]
    offsets = [
        other.centre[0] - find.centre[0]
        for other in finds
        if other.hit is not None and abs(other.centre[1] - find.centre[1]) < 0.4 * height
    ]
    left = any(-NEXT_TO * width < offset < -0.5 * width for offset in offsets)
    right = any(0.5 * width < offset < NEXT_TO * width for offset in offsets)
    return find.strength >= EVIDENT_COPY and left and right


def is_itself(find: Find) -> bool:
    """Whether an example found itself."""
    return find.likeness is not None and find.likeness.print > 0.985 and find.likeness.colour < 0.5


def merge(found: list[Find], accepted: Sequence[Find]) -> list[Find]:
    """Add new finds in place; where a pack is known already the stronger judgement stays. Returns the new ones."""
    new = []
    for find in sorted(accepted, key=lambda f: -f.strength):
        same = [i for i, other in enumerate(found) if same_pack(find.box, other.box)]
        if not same:
            found.append(find)
            new.append(find)
        elif len(same) == 1 and find.strength > found[same[0]].strength:
            known = found[same[0]]
            found[same[0]] = replace(known, strength=find.strength, votes=find.votes, likeness=find.likeness)
    return new


def same_pack(a: Box, b: Box) -> bool:
    """Whether two boxes are one pack."""
    return intersection(a, b) > 0 and overlap_of_smaller(a, b) > SAME_PACK


def distinct(finds: Sequence[Find]) -> tuple[Find, ...]:
    """One find a pack, the strongest; of very many the first 200."""
    kept: list[Find] = []
    for find in sorted(finds, key=lambda f: -f.strength)[:200]:
        if not any(same_pack(find.box, other.box) for other in kept):
            kept.append(find)
    return tuple(kept)
