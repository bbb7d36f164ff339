"""`shelf eval segmentation` and `shelf eval calibrate`: masks judged, thresholds found."""

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import Checkpoint, Json

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
    from agent.terminal import progress_line
    from segmentation.clipseg import ClipSeg
    from segmentation.evaluation.report import Request, evaluate, table, to_json, write_sheet

    model = ClipSeg.load(checkpoint)
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
        out.write_text(text + "\n", encoding="utf-8")
    typer.echo(text if json else table(report))


def calibrate(
    checkpoint: Checkpoint = None,
    scenes: Scenes = 150,
    cutouts: Cutouts = None,
    first_seed: Annotated[
        int, typer.Option(min=0, max=900_000_000, help="Keep apart from the seeds of eval.")
    ] = 400_000_000,
    json: Json = False,
) -> None:
    """Find the thresholds that count and outline best on rendered scenes; store them with the checkpoint."""
    from agent.terminal import progress_line
    from segmentation.clipseg import ClipSeg
    from segmentation.evaluation.calibration import calibrate as find
    from segmentation.evaluation.calibration import store

    model = ClipSeg.load(checkpoint)
    with progress_line() as progress:
        calibration = find(model, scenes, first_seed=first_seed, data=cutouts, progress=progress.report)
    path = store(calibration, model.checkpoint.folder)
    typer.echo(calibration.model_dump_json(indent=2) if json else calibration.sentence(path.name))
