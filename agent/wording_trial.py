"""Does the optimizer of wordings help? Rendered scenes with near misses, where every pixel's truth is known.

Meaning alone is judged, on against off, for each kind of prompt: false area (share of the marked area that is
not meant), overlap with the truth, and how far the components are from the number that shows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.clipseg import ClipSeg, Conditions
from segmentation.meaning import Region, find_meaning
from segmentation.target import parse_target
from segmentation.training.phrases import IGNORED, INSIDE, Meaning, meant_items
from segmentation.training.products import Product
from segmentation.training.scene import Scene, render
from segmentation.vocabulary import plural, vocabulary
from segmentation.wording import agreement, score_wordings
from tools.optimizer import VOCABULARY, WordingRequest, choose
from tools.records import Frozen

PromptKind = Literal[
    "kind",
    "colour",
    "contents",
    "absent colour",
    "absent contents",
    "colour by another name",
    "contents by another name",
    "absent contents by another name",
]
FIRST_SEED = 43_000_000  # far from the seeds of training, and from those the choice was made on
HEIGHT = 704  # px: twice the encoder, so that a closer look has something to show


@dataclass(frozen=True)
class Prompt:
    """Words for a scene and what they mean."""

    text: str
    kind: PromptKind
    meaning: Meaning


class Trial(Frozen):
    """One prompt on one scene, with the optimizer off and on."""

    seed: int
    text: str
    kind: PromptKind
    chosen: tuple[str, ...]
    broader: tuple[str, ...] = ()  # what was weighed in
    chunks: int = 0  # with a wording of their own
    items: int
    false_area: tuple[float, float]  # off, on
    overlap: tuple[float, float]
    count_error: tuple[int, int]


class Summary(Frozen):
    """Means over the trials of one kind: off and on."""

    prompts: int
    changed: int
    false_area: tuple[float, float]
    overlap: tuple[float, float]
    count_error: tuple[float, float]


def prompts_for(scene: Scene) -> tuple[Prompt, ...]:
    """One prompt of each kind, about the first product that has what the prompt needs."""
    there = [scene.products[item.product] for item in scene.items if item.thing == "pack" and item.product >= 0]
    found: dict[PromptKind, Prompt] = {}

    def add(kind: PromptKind, words: str, meaning: Meaning) -> None:
        found.setdefault(kind, Prompt(f"{words} {plural(meaning.kind or '')}".strip(), kind, meaning))

    for product in there:
        add("kind", "", Meaning(kind=product.kind))
        if product.colour:
            meaning = Meaning(kind=product.kind, colour=product.colour)
            add("colour", product.colour, meaning)
            for name in _other_names(product.colour, product.seed):
                add("colour by another name", name, meaning)
            for other in there:
                wrong = Meaning(kind=product.kind, colour=other.colour)
                if other.colour and not any(wrong.fits(item) or wrong.doubtful(item) for item in there):
                    add("absent colour", other.colour, wrong)
        if product.contents:
            meaning = Meaning(kind=product.kind, contents=product.contents)
            add("contents", product.contents, meaning)
            for name in _other_names(product.contents, product.seed):
                add("contents by another name", name, meaning)
            for contents in _like_contents(product):
                wrong = Meaning(kind=product.kind, contents=contents)
                if not any(wrong.fits(item) or wrong.doubtful(item) for item in there):
                    add("absent contents", contents, wrong)
                    for name in _other_names(contents, product.seed):
                        add("absent contents by another name", name, wrong)
    return tuple(found.values())


def _other_names(word: str, seed: int) -> list[str]:
    """What people also call a colour or contents, in an order of its own."""
    known = vocabulary().colours.get(word) or vocabulary().contents[word]
    return [str(name) for name in np.random.default_rng(seed).permutation(known.also)]


def _like_contents(product: Product) -> list[str]:
    """What else such a pack may hold, in an order of its own."""
    names = [contents.name for contents in vocabulary().contents.values() if product.kind in contents.kinds]
    return [str(name) for name in np.random.default_rng(product.seed).permutation(names)]


def run_trials(engine: ClipSeg, scenes: int, height: int = HEIGHT) -> Iterator[Trial]:
    """Try every prompt of some scenes with the optimizer off and on."""
    for seed in range(FIRST_SEED, FIRST_SEED + scenes):
        scene = render(seed, height)
        for prompt in prompts_for(scene):
            yield _trial(engine, scene, prompt, seed)


def summarise(trials: Sequence[Trial]) -> Summary:
    """The means of some trials."""

    def both(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
        return round(fmean(off for off, _ in pairs), 4), round(fmean(on for _, on in pairs), 4)

    return Summary(
        prompts=len(trials),
        changed=sum(trial.chosen != (trial.text,) or trial.broader != () or trial.chunks > 0 for trial in trials),
        false_area=both([trial.false_area for trial in trials]),
        overlap=both([trial.overlap for trial in trials]),
        count_error=both([trial.count_error for trial in trials]),
    )


def _trial(engine: ClipSeg, scene: Scene, prompt: Prompt, seed: int) -> Trial:
    roles = meant_items(scene, prompt.meaning)
    truth: NDArray[np.uint8] = roles[scene.labels]  # (H, W): OUTSIDE, INSIDE or IGNORED
    request = WordingRequest(parse_target(prompt.text))
    used = choose(request, VOCABULARY, partial(score_wordings, engine, scene.image)).used
    chosen = tuple(wording.text for wording in used.chosen if not wording.broader)
    broader = tuple(wording.text for wording in used.chosen if wording.broader)
    regions = tuple(
        Region(chunk.box, agreement(engine, (chosen[0], chunk.chosen.text), broader)) for chunk in used.chunks
    )
    off = _measure(engine, scene, engine.text([prompt.text]), truth, roles)
    changed = regions or broader or chosen != (prompt.text,)
    on = _measure(engine, scene, agreement(engine, chosen, broader), truth, roles, regions) if changed else off
    return Trial(
        seed=seed,
        text=prompt.text,
        kind=prompt.kind,
        chosen=chosen,
        broader=broader,
        chunks=len(regions),
        items=_shown(scene, roles)[0],
        false_area=(off[0], on[0]),
        overlap=(off[1], on[1]),
        count_error=(off[2], on[2]),
    )


def _measure(
    engine: ClipSeg,
    scene: Scene,
    conditions: Conditions,
    truth: NDArray[np.uint8],
    roles: NDArray[np.uint8],
    regions: Sequence[Region] = (),
) -> tuple[float, float, int]:
    """False area, overlap, and the distance of the components from the range of items that show."""
    meaning = find_meaning(engine, scene.image, conditions, regions=regions)
    marked = np.zeros(meaning.heat.logits.shape, np.bool_)
    for component in meaning.components:
        x, y = component.offset
        marked[y : y + component.mask.shape[0], x : x + component.mask.shape[1]] |= component.mask
    false_area, overlap = _areas(marked, truth)
    low, high = _shown(scene, roles)
    many = len(meaning.components)
    return false_area, overlap, max(low - many, many - high, 0)


def _areas(marked: NDArray[np.bool_], truth: NDArray[np.uint8]) -> tuple[float, float]:
    height, width = marked.shape
    small = cv2.resize(truth, (width, height), interpolation=cv2.INTER_NEAREST)
    marked = marked & (small != IGNORED)
    meant = small == INSIDE
    union = int((marked | meant).sum())
    overlap = int((marked & meant).sum()) / union if union else 1.0  # nothing meant and nothing marked
    return (int((marked & ~meant).sum()) / int(marked.sum()) if marked.any() else 0.0), overlap


def _shown(scene: Scene, roles: NDArray[np.uint8]) -> tuple[int, int]:
    """How many meant items show well, and how many show at all."""
    areas = np.array([area for area, role in zip(scene.areas(), roles[1:], strict=True) if role == INSIDE and area])
    if not len(areas):
        return 0, 0
    return int((areas >= 0.5 * np.median(areas)).sum()), len(areas)
