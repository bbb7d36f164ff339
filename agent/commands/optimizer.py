"""`shelf optimizer`: a language model fine-tuned to propose wordings."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(name="optimizer", help="Train a language model to propose wordings.", no_args_is_help=True)
    group.command("export")(export)
    group.command("finetune")(finetune)
    app.add_typer(group)


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
