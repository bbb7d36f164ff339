"""Counts against hand counts: questions from a file, scores by kind of question."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from agent.workbench import Workbench
from segmentation.errors import DataError, ShelfError
from tools.records import CountRecord, Frozen, Pixels


class Question(Frozen):
    """One line of a file of hand counts; `low`..`high` is the range in which people may differ.

    `excluded` are boxes of what was seen and not counted, for whatever reason: training leaves them open.
    """

    image: str
    prompt: str
    kind: str
    count: Annotated[int, Field(ge=0)]
    low: Annotated[int, Field(ge=0)]
    high: Annotated[int, Field(ge=0)]
    boxes: tuple[Pixels, ...] | None = None
    excluded: tuple[Pixels, ...] = ()
    note: str = ""


class Outcome(Frozen):
    """What was counted for one question; `error` when nothing could be."""

    question: Question
    counted: int | None
    low: int | None = None
    high: int | None = None
    components: int | None = None
    boxes: tuple[Pixels, ...] = ()
    seconds: float = 0.0
    error: str | None = None

    @property
    def within(self) -> bool:
        """Whether the count lies in the range of the hand counts."""
        return self.counted is not None and self.question.low <= self.counted <= self.question.high


class Score(Frozen):
    """Questions of one kind. Shares are of all of them, failed ones too; errors are of those counted.

    `nae` is the mean error over the hand count where that is not 0; `covered` the share of questions whose interval
    meets the range of the hand counts; `point_f1` matches middles of boxes, where boxes were drawn by hand.
    """

    questions: int
    within: float
    exact: float
    components_within: float
    mae: float | None
    rmse: float | None
    nae: float | None
    bias: float | None
    covered: float
    point_f1: float | None
    found_though_absent: int
    failed: int
    median_seconds: float


def read_questions(path: Path) -> list[Question]:
    """The questions of a JSONL file.

    Raises:
        DataError: naming the file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text") from error
    adapter = TypeAdapter(Question)
    questions = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                questions.append(adapter.validate_json(line))
            except ValidationError as error:
                fault = error.errors()[0]
                raise DataError(
                    f"{path.name}, line {number}: {'.'.join(map(str, fault['loc'])) or 'line'}: {fault['msg']}"
                ) from error
    if not questions:
        raise DataError(f"{path}: holds no questions")
    return questions


def run(
    questions: Iterable[Question],
    images: Path,
    bench: Workbench,
    *,
    like_first_box: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Outcome]:
    """Ask each question of the count tool, in order. A photo that cannot be read is a failed question."""
    tool = bench.registry.get("count")
    for question in questions:
        begin = clock()
        try:
            arguments: dict[str, Any] = {
                "image": bench.add(images / question.image).id,
                "target": question.prompt,
            }
            if like_first_box and question.boxes:
                arguments["like"] = [{"box": question.boxes[0]}]
            record = tool.call(arguments)
        except ShelfError as error:
            yield Outcome(question=question, counted=None, error=str(error), seconds=round(clock() - begin, 3))
            continue
        assert isinstance(record, CountRecord)
        yield Outcome(
            question=question,
            counted=record.count,
            low=record.low,
            high=record.high,
            components=record.components,
            boxes=tuple(instance.box for instance in record.instances),
            seconds=round(clock() - begin, 3),
        )


def score(outcomes: Sequence[Outcome]) -> Score:
    """The figures of some outcomes."""
    counted = [outcome for outcome in outcomes if outcome.counted is not None]
    errors = [(outcome.counted or 0) - outcome.question.count for outcome in counted]
    many = max(1, len(outcomes))
    return Score(
        questions=len(outcomes),
        within=sum(outcome.within for outcome in outcomes) / many,
        exact=sum(outcome.counted == outcome.question.count for outcome in outcomes) / many,
        components_within=sum(
            outcome.components is not None and outcome.question.low <= outcome.components <= outcome.question.high
            for outcome in outcomes
        )
        / many,
        mae=round(fmean(map(abs, errors)), 3) if errors else None,
        rmse=round(fmean(error * error for error in errors) ** 0.5, 3) if errors else None,
        nae=_relative(counted),
        bias=round(fmean(errors), 3) if errors else None,
        covered=sum(_meets(outcome) for outcome in counted) / many,
        point_f1=_point_f1([outcome for outcome in counted if outcome.question.boxes]),
        found_though_absent=sum(outcome.question.high == 0 and outcome.counted != 0 for outcome in counted),
        failed=len(outcomes) - len(counted),
        median_seconds=round(median(outcome.seconds for outcome in outcomes), 3) if outcomes else 0.0,
    )


def _relative(counted: Sequence[Outcome]) -> float | None:
    shares = [
        abs((outcome.counted or 0) - outcome.question.count) / outcome.question.count
        for outcome in counted
        if outcome.question.count
    ]
    return round(fmean(shares), 3) if shares else None


def _meets(outcome: Outcome) -> bool:
    low, high = outcome.low, outcome.high
    return low is not None and high is not None and low <= outcome.question.high and high >= outcome.question.low


def _point_f1(outcomes: Sequence[Outcome]) -> float | None:
    """F1 over all boxes: a counted box is right when its middle lies in a hand-drawn one that is still free."""
    right = found = drawn = 0
    for outcome in outcomes:
        free = list(outcome.question.boxes or ())
        drawn += len(free)
        found += len(outcome.boxes)
        for x0, y0, x1, y1 in outcome.boxes:
            x, y = (x0 + x1) / 2, (y0 + y1) / 2
            hit = next((box for box in free if box[0] <= x < box[2] and box[1] <= y < box[3]), None)
            if hit is not None:
                free.remove(hit)
                right += 1
    return round(2 * right / (found + drawn), 3) if found + drawn else None


def by_kind(outcomes: Sequence[Outcome]) -> dict[str, Score]:
    """Scores for each kind in the order of its first question, and for all."""
    kinds = dict.fromkeys(outcome.question.kind for outcome in outcomes)
    scores = {kind: score([outcome for outcome in outcomes if outcome.question.kind == kind]) for kind in kinds}
    return scores | {"all": score(outcomes)}


def to_json(outcomes: Sequence[Outcome]) -> str:
    """Scores and outcomes as one JSON document."""
    return json.dumps(
        {
            "scores": {kind: value.model_dump(mode="json") for kind, value in by_kind(outcomes).items()},
            "outcomes": [outcome.model_dump(mode="json") for outcome in outcomes],
        }
    )
