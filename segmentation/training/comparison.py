"""Short runs that differ in one thing, judged on the same scenes: losses against decoders, in one table."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segmentation.checkpoint import InputFormat, resolve
from segmentation.clipseg import ClipSeg, load_parts
from segmentation.device import choose_device
from segmentation.errors import DataError
from segmentation.evaluation.metrics import THRESHOLDS, PixelCounts, count_pixels, score_masks
from segmentation.heatmap import sigmoid
from segmentation.training.export import export
from segmentation.training.phrases import IGNORED, INSIDE, phrases_for, seams, target
from segmentation.training.plan import Plan, read_yaml
from segmentation.training.scene import render
from segmentation.training.trainer import Line, train

RESULT = "result.json"


class Entry(BaseModel):
    """One run: its name and what it changes in the base plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[\w.+-]+$")]
    change: dict[str, Any]


class Judging(BaseModel):
    """Rendered scenes that the runs are judged on, and others that their threshold comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: Annotated[int, Field(ge=32)] = 112
    scenes: Annotated[int, Field(gt=0)] = 200
    threshold_scenes: Annotated[int, Field(gt=0)] = 80
    prompts: Annotated[int, Field(gt=0)] = 6
    most_rows: Annotated[int, Field(ge=1, le=6)] = 2
    first_seed: Annotated[int, Field(ge=0, le=900_000_000, description="below the seeds of training")] = 500_000_000


class Comparison(BaseModel):
    """A base plan, the runs, and how they are judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: dict[str, Any]
    runs: Annotated[tuple[Entry, ...], Field(min_length=1)]
    judge: Judging = Judging()

    def plan(self, entry: Entry) -> Plan:
        """The whole plan of one run.

        Raises:
            DataError: Base and change make no plan.
        """
        try:
            return Plan.model_validate({"name": entry.name, **self.base, **entry.change})
        except ValidationError as error:
            first = error.errors()[0]
            raise DataError(f"{entry.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


class Result(BaseModel):
    """What a run reached; `threshold` is the best one on scenes kept apart."""

    model_config = ConfigDict(frozen=True)

    name: str
    fingerprint: str
    steps: int
    seconds: float
    decoder: int  # parameters
    prompts: int
    threshold: float
    accuracy: float
    dice: float
    iou: float
    miou: float
    ap: float
    absent_area: float


def load_comparison(path: Path) -> Comparison:
    """Read a comparison and check the plans in it.

    Raises:
        DataError: The file cannot be read, or one of its runs makes no plan.
    """
    comparison = read_yaml(path, Comparison)
    for entry in comparison.runs:
        comparison.plan(entry)
    return comparison


def compare(
    comparison: Comparison,
    folder: Path,
    report: Callable[[str, Line], None],
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[Result, ...]:
    """Train and judge every run that has no result yet; fewer results come back when it was stopped.

    Args:
        comparison: What to compare.
        folder: One sub-folder per run is made in it; a run that was stopped there goes on.
        report: Called with the run's name and its numbers.
        stopped: Asked after every step.
    """
    results = []
    for entry in comparison.runs:
        plan, run = comparison.plan(entry), folder / entry.name
        kept = run / RESULT
        if kept.is_file():
            result = Result.model_validate_json(kept.read_text(encoding="utf-8"))
            if result.fingerprint != plan.fingerprint() or result.steps != plan.steps:
                raise DataError(f"{run} holds the result of other settings; give another folder")
            results.append(result)
            continue
        done = train(plan, run, lambda line, name=entry.name: report(name, line), stopped=stopped)  # type: ignore[misc]
        if done.step < plan.steps:
            break
        (run / "plan.yaml").write_text(json.dumps(plan.model_dump(mode="json")), encoding="utf-8")
        result = judge(comparison.judge, export(run, run / "checkpoint"), plan, done.seconds)
        kept.write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
        results.append(result)
    return tuple(results)


def judge(judging: Judging, checkpoint: Path, plan: Plan, seconds: float) -> Result:
    """Score an exported run at the threshold that was best on other scenes."""
    found = resolve(checkpoint)
    parts = load_parts(found)
    model = ClipSeg(*parts, replace(found, input=InputFormat(size=judging.size)), choose_device(plan.device))
    first = judging.first_seed
    tried = _counts(model, judging, first, judging.threshold_scenes)
    total = sum(tried[0] + tried[1], PixelCounts(*(np.zeros(len(THRESHOLDS), np.int64),) * 3, 0))
    best = float(THRESHOLDS[np.argmax(total.hit / np.maximum(1, total.hit + total.extra + total.missed))])
    present, absent = _counts(model, judging, first + judging.threshold_scenes, judging.scenes)
    if not present:
        raise DataError("none of the prompts is present in the scenes; use more scenes")
    scores, at = score_masks(present, best), int(np.argmin(np.abs(THRESHOLDS - best)))
    return Result(
        name=plan.name,
        fingerprint=plan.fingerprint(),
        steps=plan.steps,
        seconds=round(seconds, 1),
        decoder=sum(p.numel() for p in parts[0].decoder.parameters()),
        prompts=len(present) + len(absent),
        threshold=best,
        accuracy=round(scores.accuracy, 4),
        dice=round(scores.dice, 4),
        iou=round(scores.iou_fg, 4),
        miou=round(scores.miou, 4),
        ap=round(scores.ap, 4),
        absent_area=round(float(np.mean([a.extra[at] / max(1, a.pixels) for a in absent])), 4) if absent else 0.0,
    )


def table(results: tuple[Result, ...]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| run | threshold | accuracy | Dice | IoU | mIoU | AP | absent lit | decoder | seconds |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        scores = " | ".join(f"{value:.3f}" for value in (r.accuracy, r.dice, r.iou, r.miou, r.ap))
        lines.append(
            f"| {r.name} | {r.threshold:.2f} | {scores} | {100 * r.absent_area:.1f} % | "
            f"{r.decoder / 1e3:.0f} k | {r.seconds:.0f} |"
        )
    return "\n".join(lines)


def _counts(
    model: ClipSeg, judging: Judging, first_seed: int, count: int
) -> tuple[list[PixelCounts], list[PixelCounts]]:
    """Pixels of present and of absent prompts."""
    present: list[PixelCounts] = []
    absent: list[PixelCounts] = []
    for seed in range(first_seed, first_seed + count):
        scene = render(seed, judging.size, most_rows=judging.most_rows)
        phrases = phrases_for(scene, judging.prompts, np.random.default_rng((seed, 7)))
        logits = model.decode(model.encode(scene.image[None]), model.text([p.text for p in phrases]))[0]
        seam = seams(scene)
        for phrase, logit in zip(phrases, logits, strict=True):
            codes = target(scene, phrase.meaning, seam)
            truth = codes == INSIDE
            counts = count_pixels(sigmoid(logit), truth, codes != IGNORED)
            (present if truth.any() else absent).append(counts)
    return present, absent
