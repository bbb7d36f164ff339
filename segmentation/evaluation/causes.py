"""Why answers on rendered scenes are wrong: what lights up for absent prompts, and how components miss items.

A rendered scene knows what every pixel belongs to, so an error has a cause and not only a size.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.training.centres import items_among
from segmentation.training.phrases import Meaning
from segmentation.training.scene import Scene

_COVERED = 0.3  # a component that has this share of an item stands for it
_OWN = 0.5  # so does one of which this share lies on the item: a piece of it


@dataclass(frozen=True)
class Causes:
    """What went wrong in one sample.

    Attributes:
        named: What the prompt names, such as "colour + kind".
        lit: Share of the picture that lit up for an absent prompt, by what is wrong with the thing underneath.
        merged: Items that share their component with another: one less than the items of each.
        pieces: Components of an item beyond its first.
        missed: Items without a component.
        false: Components that are on no item.
    """

    named: str
    lit: dict[str, float]
    merged: int = 0
    pieces: int = 0
    missed: int = 0
    false: int = 0


@dataclass(frozen=True)
class CauseTotals:
    """Causes of a set of samples.

    Attributes:
        absent: For each thing that prompts name: absent prompts, and mean share of the picture that lit up.
        lit: Mean share of the picture over absent prompts, by what is wrong with the thing underneath.
        items: Items that were to be counted in the judged samples.
        merged: As in Causes, summed over these samples; the others too.
    """

    absent: dict[str, tuple[int, float]]
    lit: dict[str, float]
    items: int
    merged: int
    pieces: int
    missed: int
    false: int


def causes(
    scene: Scene,
    meaning: Meaning,
    labels: NDArray[np.int32],
    meant: NDArray[np.intp],
    *,
    absent: bool,
) -> Causes:
    """Why the answer to one prompt is wrong, as far as it is.

    Args:
        scene: A rendered scene.
        meaning: What was asked.
        labels: (height, width), 0 for none and 1..n, what was found.
        meant: Numbers of the items that are to be counted; labels of the scene.
        absent: Whether nothing of it is in the scene.
    """
    if absent:
        return Causes(named(meaning), lit_by(scene, meaning, labels > 0))
    areas = np.bincount(labels.ravel())[1:]
    kept = 1 + np.flatnonzero(items_among(areas.astype(np.float64), labels.size))
    shared = np.zeros((len(areas) + 1, len(scene.items) + 1), np.int64)  # pixels of each component on each item
    np.add.at(shared, (labels.ravel(), scene.labels.ravel()), 1)
    whole = np.maximum(1, np.bincount(scene.labels.ravel(), minlength=len(scene.items) + 1))
    on = shared[np.ix_(kept, meant)]
    own = np.maximum(1, areas[kept - 1])[:, None]
    stands = on >= _COVERED * whole[meant]
    alone = ~stands.any(1, keepdims=True)
    hits = stands | (alone & (on >= _OWN * own))
    per_item, per_component = hits.sum(0), stands.sum(1)
    return Causes(
        named=named(meaning),
        lit={},
        merged=int(np.maximum(0, per_component - 1).sum()),
        pieces=int(np.maximum(0, per_item - 1).sum()),
        missed=int((per_item == 0).sum()),
        false=int((~hits.any(1)).sum()),
    )


def named(meaning: Meaning) -> str:
    """What a prompt names."""
    if meaning.thing != "pack":
        return meaning.thing
    given = (("colour", meaning.colour), ("kind", meaning.kind), ("contents", meaning.contents), ("cap", meaning.cap))
    return " + ".join(name for name, value in given if value is not None) or "any product"


def lit_by(scene: Scene, meaning: Meaning, lit: NDArray[np.bool_]) -> dict[str, float]:
    """Share of the picture that is lit, by what is wrong with the thing underneath."""
    found: Counter[str] = Counter()
    for number, pixels in enumerate(np.bincount(scene.labels[lit], minlength=len(scene.items) + 1)):
        if pixels:
            found[_wrong(scene, meaning, number)] += int(pixels)
    return {name: count / lit.size for name, count in found.items()}


def _wrong(scene: Scene, meaning: Meaning, number: int) -> str:
    """What is wrong with item `number` of a scene (0 is none) as an answer to a prompt."""
    if not number:
        return "background"
    item = scene.items[number - 1]
    if item.product < 0 or meaning.thing != "pack":
        return "thing"
    product = scene.products[item.product]
    wanted = (
        ("kind", meaning.kind, product.kind),
        ("colour", meaning.colour, product.colour),
        ("contents", meaning.contents, product.contents),
        ("cap", meaning.cap, product.cap_colour),
        ("shade", meaning.shade, product.shade),
    )
    return " and ".join(name for name, want, have in wanted if want is not None and want != have) or "second row"


def total(samples: Iterable[tuple[Causes, bool, int]]) -> CauseTotals:
    """Sum up samples.

    Args:
        samples: Causes, whether the prompt is absent, and how many items there are to count.
    """
    areas: dict[str, list[float]] = {}
    lit: dict[str, float] = {}
    sums: Counter[str] = Counter()
    for one, absent, items in samples:
        if absent:
            areas.setdefault(one.named, []).append(sum(one.lit.values()))
            for name, share in one.lit.items():
                lit[name] = lit.get(name, 0.0) + share
            continue
        sums.update(items=items, merged=one.merged, pieces=one.pieces, missed=one.missed, false=one.false)
    many = max(1, sum(map(len, areas.values())))
    by_area = sorted(areas.items(), key=lambda entry: -sum(entry[1]))
    return CauseTotals(
        absent={name: (len(shares), sum(shares) / len(shares)) for name, shares in by_area},
        lit={name: share / many for name, share in sorted(lit.items(), key=lambda entry: -entry[1])},
        items=sums["items"],
        merged=sums["merged"],
        pieces=sums["pieces"],
        missed=sums["missed"],
        false=sums["false"],
    )
