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
        typer.Option(
            "--like-first-box", help="Give the first box of a question as its example; skip those without."
        ),
    ] = False,
    kind: Annotated[list[str] | None, typer.Option(help="Only questions of this kind.")] = None,
    checkpoint: Checkpoint = None,
    json: Json = False,
) -> None:
    """Count what was counted by hand, and report how often the count holds, by kind of question."""
    from agent.evaluation import Outcome, by_kind, read_questions, run, to_json
    from agent.terminal import one_line

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
        line = (
            f"{len(outcomes)}/{len(questions)} {question.image}: {question.prompt}: {said}  "
            f"{outcome.seconds:.1f} s"
        )
        typer.echo(one_line(line), err=True)
    if json:
        typer.echo(to_json(outcomes))
        return
    typer.echo(
        f"{'kind':12}{'asked':>6}{'within':>8}{'exact':>8}{'comp.':>8}{'MAE':>8}{'bias':>8}{'absent+':>8}{'failed':>7}{'s':>7}"
    )
    for name, score in by_kind(outcomes).items():
        error = f"{score.mae:8.2f}{score.bias:+8.2f}" if score.mae is not None else f"{'-':>8}{'-':>8}"
        typer.echo(
            f"{name:12}{score.questions:6d}{score.within:8.0%}{score.exact:8.0%}{score.components_within:8.0%}{error}"
            f"{score.found_though_absent:8d}{score.failed:7d}{score.median_seconds:7.1f}"
        )
