"""`shelf optimizer`: wordings for the vision model, and a language model fine-tuned to propose them."""

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import Json, workbench


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="optimizer", help="Find wordings for the vision model; train a language model to.", no_args_is_help=True
    )
    group.command("try")(attempt)
    group.command("export")(export)
    group.command("finetune")(finetune)
    app.add_typer(group)


def attempt(
    ctx: typer.Context,
    image: Annotated[Path, typer.Argument(help="The photo.", show_default=False)],
    target: Annotated[str, typer.Argument(help="What would be counted.", show_default=False)],
    json: Json = False,
) -> None:
    """Say how a target is worded for the vision model, and how each wording that was tried scores on the photo."""
    from agent.answer import sentence
    from agent.terminal import progress_line
    from agent.turn import Call

    bench = workbench(ctx)
    arguments = {"image": bench.add(image).id, "target": target}
    with progress_line() as progress:
        record = bench.registry.get("optimize_prompt").call(arguments, progress)
    typer.echo(
        record.model_dump_json() if json else sentence(Call(tool="optimize_prompt", arguments=arguments), record)
    )


def export(
    trials: Annotated[Path, typer.Argument(help="Output of: shelf eval wording --json.", show_default=False)],
    file: Annotated[Path, typer.Argument(help="JSON lines to write.", show_default=False)],
) -> None:
    """Write training data from the wordings that measurably found more."""
    from agent.finetuning import export as write
    from agent.finetuning import read_trials

    typer.echo(f"{write(read_trials(trials), file)} examples in {file}")


def finetune(
    file: Annotated[Path, typer.Argument(help="What shelf optimizer export wrote.", show_default=False)],
    model: Annotated[str, typer.Option(help="The model to tune.")] = "gpt-4.1-mini-2025-04-14",
    job: Annotated[str | None, typer.Option(help="Submit nothing; follow this job.", metavar="ID")] = None,
) -> None:
    """Submit a fine-tuning job and follow it. Ctrl-C leaves it running."""
    from agent.finetuning import finetune as run
    from agent.settings import load_settings
    from agent.terminal import note, one_line

    tuned = run(load_settings(), file, model, lambda text: note(text), job=job)
    typer.echo(one_line(f"Fine-tuned: {tuned}. Use it with SHELF_MODEL={tuned} SHELF_WORDINGS=openai"))
