"""`shelf labels`: read the words printed on the packs and price tags of a photo."""

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import Json, workbench


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("labels")(labels)


def labels(
    ctx: typer.Context,
    image: Annotated[Path, typer.Argument(help="The photo.", show_default=False)],
    json: Json = False,
) -> None:
    """Read the words printed on the packs and price tags of a photo."""
    from agent.answer import sentence
    from agent.terminal import progress_line
    from agent.turn import Call

    bench = workbench(ctx)
    arguments = {"image": bench.add(image).id}
    with progress_line() as progress:
        record = bench.registry.get("read_labels").call(arguments, progress)
    typer.echo(record.model_dump_json() if json else sentence(Call(tool="read_labels", arguments=arguments), record))
