"""The whole evaluation of masks: sets put together, a table, JSON, a sheet of the worst cases."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from segmentation.checkpoint import Thresholds
from segmentation.clipseg import ClipSeg
from segmentation.components import label_items
from segmentation.evaluation.causes import CauseTotals
from segmentation.evaluation.real_photos import LabelledPhoto, real_sets
from segmentation.evaluation.segmentation import (
    Outcome,
    Report,
    Scores,
    outcome_of,
    rendered_outcomes,
    summarise,
)
from segmentation.evaluation.tiles import framed, write_tiles
from segmentation.meaning import PATCH, survey
from segmentation.views import overview
from segmentation.vocabulary import names_packs

Advance = Callable[[str, float], None]
_WORST = 24


@dataclass(frozen=True)
class Request:
    """What is to be judged."""

    scenes: int = 500
    narrow: int = 100
    held_out: int = 200
    real: Path | None = None
    cutouts: Path | None = None
    first_seed: int = 0
    keep_pictures: bool = False


def photo_outcome(model: ClipSeg, photo: LabelledPhoto, cut: Thresholds, *, draw: bool = False) -> Outcome:
    """Judge one real photo from its overview alone: squares along its longer side, no closer looks."""
    known = [cut.centres.text] if cut.centres is not None and names_packs(photo.prompt) else []
    heat, *centres = survey(model, photo.pixels, model.text([photo.prompt, *known]))
    height, width = photo.truth.shape
    token = overview(photo.pixels.shape[1], photo.pixels.shape[0])[0].side * PATCH / model.size
    items = label_items(heat.logits, cut, token / heat.scale, centres[0].logits if centres else None)
    labels = cv2.resize(items, (width, height), interpolation=cv2.INTER_NEAREST)
    logits = np.asarray(cv2.resize(heat.logits, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    picture = photo.pixels if draw else None
    return outcome_of(
        photo.prompt, False, logits, np.asarray(labels, np.int32), photo.truth, None, photo.items, cut.mask, picture
    )


def evaluate(model: ClipSeg, request: Request, progress: Advance) -> tuple[Report, list[Outcome]]:
    """Judge every set that was asked for.

    Returns:
        The report, and the worst samples with pictures when they were asked for.

    Raises:
        DataError: Real photos or their truth cannot be used.
    """
    thresholds = model.checkpoint.thresholds
    cut = thresholds
    sets: list[Scores] = []
    worst: list[Outcome] = []
    wanted = (
        ("rendered, wide facings", request.scenes, True, False),
        ("rendered, narrow facings", request.narrow, False, False),
        ("rendered, held-out pairs", request.held_out, True, True),
    )
    for name, count, wide, held_out in wanted:
        if not count:
            continue
        outcomes = rendered_outcomes(
            model,
            count,
            cut,
            wide=wide,
            held_out=held_out,
            first_seed=request.first_seed,
            data=request.cutouts,
            draw=request.keep_pictures,
            progress=lambda done, name=name, count=count: progress(name, done / count),  # type: ignore[misc]
        )
        sets.append(summarise(name, outcomes, cut.mask))
        worst = _worst(worst + outcomes)
    if request.real is not None:
        for name, notes, photos in real_sets(request.real):
            outcomes = []
            for done, photo in enumerate(photos, 1):
                outcomes.append(photo_outcome(model, photo, cut, draw=request.keep_pictures))
                progress(name, done / len(photos))
            sets.append(summarise(name, outcomes, cut.mask, notes))
            worst = _worst(worst + outcomes)
    by_name = {s.name: s.colour_kind_miou for s in sets}
    seen, kept = by_name.get("rendered, wide facings"), by_name.get("rendered, held-out pairs")
    gap = seen - kept if seen is not None and kept is not None else None
    found = Report(model.checkpoint.name, model.checkpoint.sha256, cut, tuple(sets), gap)
    return found, [o for o in worst if o.picture is not None]


def _worst(outcomes: list[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda o: o.iou if o.present else 1 - o.marked)[:_WORST]


def to_json(report: Report) -> str:
    """The report as JSON with four decimals."""
    return json.dumps(json.loads(json.dumps(report.as_dict()), parse_float=lambda v: round(float(v), 4)), indent=2)


def table(report: Report) -> str:
    """The report as lines of text."""
    head = f"{'set':28}{'prompts':>8}{'mIoU':>7}{'IoU_FG':>8}{'AP':>7}{'Dice':>7}{'acc.':>7}"
    head += f"{'marked':>8}{'absent':>8}{'lit':>8}{'exact':>7}{'MAE':>7}"
    cut = report.cut
    lines = [
        f"{report.checkpoint} at {cut.mask:.2f} (marked from {cut.seed:.2f}, items rise by {cut.rise:.2f})",
        head,
    ]
    for one in report.sets:
        line = f"{one.name:28}{one.prompts:8d}"
        p, c = one.present, one.components
        line += (
            f"{p.miou:7.3f}{p.iou_fg:8.3f}{p.ap:7.3f}{p.dice:7.3f}{p.accuracy:7.3f}"
            if p
            else f"{'-':>7}{'-':>8}{'-':>7}{'-':>7}{'-':>7}"
        )
        line += f"{one.marked_miou:8.3f}" if one.marked_miou is not None else f"{'-':>8}"
        for share in (one.absent_area, one.absent_lit):
            line += f"{100 * share:7.2f}%" if share is not None else f"{'-':>8}"
        line += f"{c.exact:7.2f}{c.mae:7.2f}" if c else f"{'-':>7}{'-':>7}"
        lines.append(line)
    if report.held_out_gap is not None:
        lines.append(f"colour + kind: seen pairs minus held-out pairs = {report.held_out_gap:+.3f} mIoU")
    for one in report.sets:
        if one.causes is not None:
            lines += ["", *_why(one.name, one.causes)]
    return "\n".join(lines)


def _why(name: str, causes: CauseTotals) -> list[str]:
    """What is wrong in a set of rendered samples, in three lines."""
    asked = ", ".join(f"{named} {100 * area:.1f} % of {count}" for named, (count, area) in causes.absent.items())
    lit = ", ".join(f"{wrong} {100 * share:.2f} %" for wrong, share in causes.lit.items())
    missed = ("merged", "missed", "pieces", "false")
    shares = ", ".join(f"{part} {100 * getattr(causes, part) / max(1, causes.items):.0f} %" for part in missed)
    return [
        f"{name}, absent prompts by what they name: {asked or 'none'}",
        f"{name}, what lights up for them is wrong in: {lit or 'nothing'}",
        f"{name}, components for each 100 of {causes.items} items: {shares}",
    ]


def write_sheet(outcomes: list[Outcome], path: Path) -> None:
    """A PNG of samples, three in a row, picture beside answer (green lit, red missed).

    Raises:
        DataError: The file cannot be written.
    """
    tiles = [framed(outcome.picture, 352, 704) for outcome in outcomes if outcome.picture is not None]
    write_tiles(tiles, path, 3)
