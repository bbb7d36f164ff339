"""`shelf describe` and `shelf labels`: what one photo shows, and the words printed on it."""

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import Json, workbench

Image = Annotated[Path, typer.Argument(help="The photo.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("describe")(describe)
    app.command("labels")(labels)


def describe(ctx: typer.Context, image: Image, json: Json = False) -> None:
    """Say what is on a photo: shelves, colours, printed words, repeated products."""
    _tell("describe", ctx, image, json)


def labels(ctx: typer.Context, image: Image, json: Json = False) -> None:
    """Read the words printed on the packs and price tags of a photo."""
    _tell("read_labels", ctx, image, json)


def _tell(tool: str, ctx: typer.Context, image: Path, json: bool) -> None:
    """What a tool that is given a photo and nothing else says."""
    from agent.answer import sentence
    from agent.terminal import progress_line
    from agent.turn import Call

    bench = workbench(ctx)
    arguments = {"image": bench.add(image).id}
    with progress_line() as progress:
        record = bench.registry.get(tool).call(arguments, progress)
    typer.echo(record.model_dump_json() if json else sentence(Call(tool=tool, arguments=arguments), record))
