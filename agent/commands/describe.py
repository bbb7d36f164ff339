"""`shelf describe`: say what is on a photo: shelves, colours, printed words, repeated products."""

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import Json, workbench


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("describe")(describe)


def describe(
    ctx: typer.Context,
    image: Annotated[Path, typer.Argument(help="The photo.", show_default=False)],
    json: Json = False,
) -> None:
    """Say what is on a photo: shelves, colours, printed words, repeated products."""
    from agent.answer import sentence
    from agent.terminal import progress_line
    from agent.turn import Call

    bench = workbench(ctx)
    arguments = {"image": bench.add(image).id}
    with progress_line() as progress:
        record = bench.registry.get("describe").call(arguments, progress)
    typer.echo(record.model_dump_json() if json else sentence(Call(tool="describe", arguments=arguments), record))
