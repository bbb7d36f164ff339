"""`shelf eval segmentation` and `shelf eval calibrate`: masks judged, thresholds found."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands.options import Checkpoint, Json, workbench

if TYPE_CHECKING:
    from segmentation.evaluation.coverage import CountSample

Scenes = Annotated[int, typer.Option(min=1, help="Rendered scenes.")]
Cutouts = Annotated[
    Path | None,
    typer.Option(help="Folder of real cut-outs mixed into the scenes, as in training.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("segmentation")(segmentation)
    app.command("calibrate")(calibrate)


def segmentation(
    checkpoint: Checkpoint = None,
    scenes: Scenes = 500,
    narrow: Annotated[int, typer.Option(min=0, help="Further scenes with facings narrower than 48 px of 352.")] = 100,
    held_out: Annotated[int, typer.Option(min=0, help="Further scenes with pairs that training never showed.")] = 200,
    real: Annotated[
        Path | None, typer.Option(help="Folder of real photos with masks or boxes.", show_default=False)
    ] = None,
    cutouts: Cutouts = None,
    first_seed: Annotated[int, typer.Option(min=0, max=900_000_000, help="Where the scenes' seeds start.")] = 0,
    sheet: Annotated[Path | None, typer.Option(help="PNG of the worst cases.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(help="Write the report here as JSON too.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """Judge masks on rendered scenes of unseen seeds and on real photos."""
    from agent.settings import load_settings
    from agent.terminal import progress_line
    from segmentation.clipseg import ClipSeg
    from segmentation.evaluation.report import Request, evaluate, table, to_json, write_sheet
    from segmentation.evaluation.tiles import check_place, write_text

    check_place(sheet)
    check_place(out)
    model = ClipSeg.load(checkpoint or load_settings().checkpoint)
    request = Request(
        scenes=scenes,
        narrow=narrow,
        held_out=held_out,
        real=real,
        cutouts=cutouts,
        first_seed=first_seed,
        keep_pictures=sheet is not None,
    )
    with progress_line() as progress:
        report, worst = evaluate(model, request, progress.report)
    if sheet is not None:
        write_sheet(worst, sheet)
    text = to_json(report)
    if out is not None:
        write_text(out, text + "\n")
    typer.echo(text if json else table(report))


def calibrate(
    ctx: typer.Context,
    checkpoint: Checkpoint = None,
    scenes: Scenes = 150,
    counts: Annotated[
        int, typer.Option(min=0, help="Further scenes to count on, for the interval; 0 leaves it as it is.")
    ] = 60,
    hand_counts: Annotated[
        Path | None,
        typer.Option(help="JSONL of hand counts to find the interval on instead of scenes.", show_default=False),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder that their image names start from.", show_default=False)
    ] = None,
    cutouts: Cutouts = None,
    first_seed: Annotated[
        int, typer.Option(min=0, max=900_000_000, help="Keep apart from the seeds of eval.")
    ] = 400_000_000,
    json: Json = False,
) -> None:
    """Find the thresholds that count and outline best, then the width of intervals; store both with the checkpoint."""
    from agent.settings import load_settings
    from agent.terminal import progress_line
    from segmentation.clipseg import ClipSeg
    from segmentation.evaluation.calibration import calibrate as find
    from segmentation.evaluation.calibration import store, stored_interval
    from segmentation.evaluation.coverage import calibrate_interval, rendered_counts

    checkpoint = checkpoint or load_settings().checkpoint
    model = ClipSeg.load(checkpoint)
    with progress_line() as progress:
        calibration = find(model, scenes, first_seed=first_seed, data=cutouts, progress=progress.report)
        if not counts and hand_counts is None:
            calibration = calibration.model_copy(update={"interval": stored_interval(model.checkpoint.folder)})
        path = store(calibration, model.checkpoint.folder)
        model = ClipSeg.load(checkpoint)  # with its new thresholds
        samples, source = [], "rendered scenes"
        if hand_counts is not None:
            samples, source = (
                _hand_counted(ctx, checkpoint, hand_counts, images or hand_counts.parent),
                hand_counts.name,
            )
        elif counts:
            samples = rendered_counts(
                model, counts, first_seed=first_seed + scenes * 10, data=cutouts, progress=progress.report
            )
        if samples:
            interval = calibrate_interval(samples, source)
            calibration = calibration.model_copy(update={"interval": interval})
            path = store(calibration, model.checkpoint.folder)
    typer.echo(calibration.model_dump_json(indent=2) if json else calibration.sentence(path.name))


def _hand_counted(ctx: typer.Context, checkpoint: str | None, file: Path, images: Path) -> "list[CountSample]":
    """Counts of questions that no print decides: the margin belongs to the weights."""
    from agent.evaluation import read_questions, run
    from segmentation.evaluation.coverage import CountSample
    from segmentation.target import parse_target

    questions = [question for question in read_questions(file) if not parse_target(question.prompt).named]
    return [
        CountSample(
            outcome.question.image,
            outcome.counted,
            outcome.low or 0,
            outcome.high or 0,
            outcome.question.low,
            outcome.question.high,
        )
        for outcome in run(questions, images, workbench(ctx, checkpoint))
        if outcome.counted is not None
    ]
