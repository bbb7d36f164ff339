"""`shelf eval counts`: count questions with hand counts."""

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import Checkpoint, Json, workbench


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("counts")(counts)


def counts(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="JSONL: image, prompt, kind, count, low, high, boxes.", show_default=False)
    ],
    images: Annotated[Path, typer.Option(help="Folder that the image names start from.", show_default=False)],
    like_first_box: Annotated[
        bool,
        typer.Option("--like-first-box", help="Give the first box of a question as its example; skip those without."),
    ] = False,
    kind: Annotated[list[str] | None, typer.Option(help="Only questions of this kind.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="PNG of the worst counts.", show_default=False)] = None,
    checkpoint: Checkpoint = None,
    json: Json = False,
) -> None:
    """Count what was counted by hand, and report how often the count holds, by kind of question."""
    from agent.evaluation import Outcome, by_kind, read_questions, run, to_json
    from agent.evaluation_sheet import write_counts_sheet
    from agent.terminal import one_line
    from segmentation.evaluation.tiles import check_place

    check_place(sheet)
    questions = [question for question in read_questions(file) if not kind or question.kind in kind]
    if like_first_box:
        questions = [question for question in questions if question.boxes]
    outcomes: list[Outcome] = []
    for outcome in run(questions, images, workbench(ctx, checkpoint), like_first_box=like_first_box):
        outcomes.append(outcome)
        question = outcome.question
        said = (
            outcome.error
            or f"{outcome.counted} ({question.low}..{question.high}){'' if outcome.within else '  MISSED'}"
        )
        line = f"{len(outcomes)}/{len(questions)} {question.image}: {question.prompt}: {said}  {outcome.seconds:.1f} s"
        typer.echo(one_line(line), err=True)
    if sheet is not None:
        drawn = write_counts_sheet(outcomes, images, sheet)
        typer.echo(f"{sheet}: the {drawn} worst counts" if drawn else "no count is wrong: no sheet", err=True)
    if json:
        typer.echo(to_json(outcomes))
        return
    heads = (
        "asked",
        "within",
        "exact",
        "covered",
        "comp.",
        "MAE",
        "RMSE",
        "NAE",
        "bias",
        "pointF1",
        "absent+",
        "failed",
        "s",
    )
    typer.echo(f"{'kind':10}" + "".join(f"{head:>9}" for head in heads))
    for name, score in by_kind(outcomes).items():
        shares = (score.within, score.exact, score.covered, score.components_within)
        errors = (score.mae, score.rmse, score.nae, score.bias, score.point_f1)
        typer.echo(
            f"{name:10}{score.questions:9d}"
            + "".join(f"{share:9.0%}" for share in shares)
            + "".join(f"{'-':>9}" if value is None else f"{value:9.2f}" for value in errors)
            + f"{score.found_though_absent:9d}{score.failed:9d}{score.median_seconds:9.1f}"
        )
