"""Masks judged: rendered scenes of unseen seeds, and real photos with masks or boxes.

A sample is one picture and one prompt. Rendered samples come from seeds that training never uses; held-out
samples ask for pairs of colour and kind that training never showed, in scenes that show them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.checkpoint import Centres, Thresholds
from segmentation.clipseg import Activations, Conditions
from segmentation.components import label_items
from segmentation.evaluation.causes import Causes, CauseTotals, causes, total
from segmentation.evaluation.metrics import (
    CountScores,
    MaskScores,
    PixelCounts,
    count_pixels,
    score_counts,
    score_masks,
)
from segmentation.heatmap import sigmoid
from segmentation.meaning import PATCH
from segmentation.training.centres import SMALLEST, items_among
from segmentation.training.cutouts import load_cutouts
from segmentation.training.layout import draw_layout
from segmentation.training.phrases import (
    IGNORED,
    INSIDE,
    Phrase,
    meant_items,
    phrases_for,
    say,
    seams,
    target,
)
from segmentation.training.phrases import Meaning as Asked
from segmentation.training.scene import Scene, draw_scene

WIDE = 48 / 352  # a facing of this share of the view's side is wide enough to be judged on its count
MOST_COUNTED = 12
NOWHERE = np.float32(-20)  # logits of what does not count
HELD_OUT_OFFSET = 50_000_000  # keeps held-out scenes apart from the others; all seeds stay below training's


class Segmenter(Protocol):
    """What is judged; segmentation.clipseg.ClipSeg is one."""

    size: int

    def text(self, texts: list[str]) -> Conditions:
        """One condition per text."""

    def encode(self, views: NDArray[np.uint8]) -> Activations:
        """Encode square views."""

    def decode(self, activations: Activations, conditions: Conditions) -> NDArray[np.float32]:
        """Logits (views, prompts, size, size)."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one sample. Pictures are kept only by who asks for the worst ones."""

    prompt: str
    colour_and_kind: bool
    present: bool
    iou: float
    marked: float  # share of the picture
    lit: float  # share of the picture that is above the mask's threshold, marked or not
    counts: PixelCounts
    found: int
    true: int
    picture: NDArray[np.uint8] | None = None  # what was shown, with the answer drawn in
    causes: Causes | None = None  # of rendered samples


@dataclass(frozen=True)
class Scores:
    """Scores of one set of samples."""

    name: str
    prompts: int
    present: MaskScores | None
    colour_kind_miou: float | None
    marked_miou: float | None  # of what is marked: parts of the mask that reach the seed
    absent: int
    absent_area: float | None  # marked
    absent_lit: float | None  # above the mask's threshold, marked or not
    components: CountScores | None
    notes: str = ""
    causes: CauseTotals | None = None


@dataclass(frozen=True)
class Report:
    """All sets, and the cut they were judged at."""

    checkpoint: str
    sha256: str
    cut: Thresholds
    sets: tuple[Scores, ...]
    held_out_gap: float | None = field(default=None)  # colour + kind mIoU, seen minus held out

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"cut": self.cut.model_dump()}


def count_labels(labels: NDArray[np.int32]) -> int:
    """How many labelled parts (height, width) are large enough to be items."""
    return count_sizes(np.bincount(labels.ravel())[1:].astype(np.float64), labels.size)


def count_sizes(areas: NDArray[np.float64], pixels: int) -> int:
    """How many areas are neither specks nor slivers beside the median one."""
    return int(items_among(areas, pixels).sum())


def _narrowest(scene: Scene) -> float:
    """Width of the narrowest whole facing as a share of the side; 1 when none is whole."""
    width = scene.labels.shape[1]
    widths = []
    for number, area in enumerate(scene.areas()):
        item = scene.items[number]
        if item.thing != "pack" or area < SMALLEST * scene.labels.size or item.turn == 90.0:
            continue
        columns = np.flatnonzero((scene.labels == number + 1).any(0))
        if columns[0] > 0 and columns[-1] < width - 1:
            full = (columns[-1] + 1 - columns[0]) / width
            nominal = (item.box[2] - item.box[0]) * 0.5
            widths.append(max(full, nominal) if full < nominal else full)  # half hidden ones do not make it narrow
    return min(widths, default=1.0)


def scenes(count: int, first_seed: int, size: int, *, wide: bool, held_out: bool, data: Path | None) -> Iterator[Scene]:
    """Scenes of unseen seeds, wide facings only or narrower ones only."""
    cutouts = load_cutouts(data)
    made, seed = 0, first_seed + (HELD_OUT_OFFSET if held_out else 0)
    while made < count:
        seed += 1
        layout = draw_layout(seed, cutouts, held_out=held_out)
        packs = [i.box[2] - i.box[0] for i in layout.items if i.thing == "pack"]
        if not packs or (wide and min(packs) < 0.6 * WIDE):
            continue
        scene = draw_scene(layout, cutouts, size)
        if (_narrowest(scene) >= WIDE) != wide or not any(
            i.thing == "pack" and a > SMALLEST * scene.labels.size
            for i, a in zip(scene.items, scene.areas(), strict=True)
        ):
            continue
        made += 1
        yield scene


def ask(
    model: Segmenter, image: NDArray[np.uint8], texts: Sequence[str], centres: Centres | None
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """The logits of some texts on a picture (size, size, 3), (texts, size, size), and those of the centres of packs."""
    known = [centres.text] if centres is not None else []
    logits = model.decode(model.encode(image[None]), model.text([*texts, *known]))[0]
    return logits[: len(texts)], logits[-1] if known else None


def judge_scene(
    model: Segmenter,
    scene: Scene,
    phrases: tuple[Phrase, ...],
    cut: Thresholds,
    *,
    draw: bool = False,
) -> list[Outcome]:
    """Ask everything of one scene.

    Args:
        model: What is judged.
        scene: Of the model's size.
        phrases: What is asked.
        cut: Where maps are cut.
        draw: Keep a picture of each answer.
    """
    asked = [phrase.text for phrase in phrases]
    logits, centres = ask(model, scene.image, asked, cut.centres)
    seam, areas = seams(scene), scene.areas()
    outcomes = []
    for phrase, logit in zip(phrases, logits, strict=True):
        codes = target(scene, phrase.meaning, seam)
        truth, valid = codes == INSIDE, codes != IGNORED
        logit = np.where(valid, logit, NOWHERE)
        labels = label_items(logit, cut, PATCH, centres if phrase.meaning.thing == "pack" else None)
        roles = meant_items(scene, phrase.meaning)[1:]
        meant = np.flatnonzero((roles == INSIDE) & (areas > 0))
        meant = meant[items_among(areas[meant].astype(np.float64), truth.size)]
        outcome = outcome_of(
            phrase.text,
            phrase.meaning.colour is not None and phrase.meaning.kind is not None and phrase.meaning.cap is None,
            logit,
            labels,
            truth,
            valid,
            len(meant),
            cut.mask,
            scene.image if draw else None,
        )
        why = causes(scene, phrase.meaning, labels, meant + 1, absent=not outcome.present)
        outcomes.append(replace(outcome, causes=why))
    return outcomes


def outcome_of(
    prompt: str,
    colour_and_kind: bool,
    logits: NDArray[np.float32],
    labels: NDArray[np.int32],
    truth: NDArray[np.bool_],
    valid: NDArray[np.bool_] | None,
    true: int,
    mask: float,
    image: NDArray[np.uint8] | None,
) -> Outcome:
    """Judge one map.

    Args:
        prompt: What was asked.
        colour_and_kind: Whether the prompt names a colour and a kind.
        logits: (height, width), NOWHERE where nothing counts.
        labels: (height, width), from components.label_items.
        truth: (height, width).
        valid: (height, width), pixels that count; None counts all.
        true: True number of items.
        mask: Threshold of the mask.
        image: uint8 RGB (height, width, 3) to draw the answer on, or None.
    """
    marked = labels > 0
    both, either = int((marked & truth).sum()), int((marked | truth).sum())
    probability = sigmoid(logits)
    picture = None
    if image is not None:
        picture = image // 3 + np.array([0, 120, 0], np.uint8) * marked[..., None]
        picture[truth & ~marked] += np.array([120, 0, 0], np.uint8)
        picture = np.hstack([image, picture])
        cv2.putText(picture, prompt, (3, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 0), 1)
    return Outcome(
        prompt=prompt,
        colour_and_kind=colour_and_kind,
        present=bool(truth.any()),
        iou=both / max(1, either),
        marked=float(marked.mean()),
        lit=float((probability > mask).mean()),
        counts=count_pixels(probability, truth, valid),
        found=count_labels(labels),
        true=true,
        picture=picture,
    )


def summarise(name: str, outcomes: list[Outcome], mask: float, notes: str = "") -> Scores:
    """Scores of a set; parts that have no samples are None."""
    present = [o for o in outcomes if o.present]
    absent = [o for o in outcomes if not o.present]
    pairs = [o.iou for o in present if o.colour_and_kind]
    counted = [o for o in outcomes if 0 < o.true <= MOST_COUNTED and o.present]
    explained = [(o.causes, not o.present, o.true) for o in (*absent, *counted) if o.causes is not None]
    return Scores(
        name=name,
        prompts=len(outcomes),
        present=score_masks([o.counts for o in present], mask) if present else None,
        colour_kind_miou=float(np.mean(pairs)) if pairs else None,
        marked_miou=float(np.mean([o.iou for o in present])) if present else None,
        absent=len(absent),
        absent_area=float(np.mean([o.marked for o in absent])) if absent else None,
        absent_lit=float(np.mean([o.lit for o in absent])) if absent else None,
        components=score_counts([o.found for o in counted], [o.true for o in counted]) if counted else None,
        notes=notes,
        causes=total(explained) if explained else None,
    )


def rendered_outcomes(
    model: Segmenter,
    count: int,
    cut: Thresholds,
    *,
    wide: bool = True,
    held_out: bool = False,
    prompts: int = 6,
    first_seed: int = 0,
    data: Path | None = None,
    draw: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Outcome]:
    """Judge rendered scenes.

    Args:
        model: What is judged.
        count: Scenes.
        cut: Where maps are cut.
        wide: Facings of at least 48 px of 352, or narrower ones.
        held_out: Ask for held-out pairs in scenes that show them, one prompt a scene.
        prompts: Prompts of a scene otherwise.
        first_seed: Where the seeds start; below that of training.
        data: Folder of real cut-outs, or None.
        draw: Keep pictures.
        progress: Called with the scenes done.
    """
    outcomes: list[Outcome] = []
    made = scenes(count, first_seed, model.size, wide=wide, held_out=held_out, data=data)
    for done, scene in enumerate(made, 1):
        rng = np.random.default_rng((first_seed, done, int(wide), int(held_out)))
        if held_out:
            product = scene.products[0]
            phrases: tuple[Phrase, ...] = (say(rng, Asked(kind=product.kind, colour=product.colour)),)
        else:
            phrases = phrases_for(scene, prompts, rng)
        outcomes += judge_scene(model, scene, phrases, cut, draw=draw)
        progress(done)
    return outcomes
