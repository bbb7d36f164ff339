"""`shelf replay`: a trace again, without a language model."""

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import Checkpoint, Json, workbench


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def replay(
    ctx: typer.Context,
    trace: Annotated[
        Path | None, typer.Argument(help="A trace file; the last one when none is given.", show_default=False)
    ] = None,
    checkpoint: Checkpoint = None,
    json: Json = False,
) -> None:
    """Run the tool calls of a trace again and report what differs. Exit code 1 when anything does."""
    from agent.replay import replay as run
    from agent.settings import load_settings
    from agent.terminal import one_line
    from agent.trace import read_trace
    from segmentation.errors import DataError

    folder = load_settings().home.expanduser() / "traces"
    path = trace or max(folder.glob("*.jsonl"), default=None)
    if path is None:
        raise DataError(f"there is no trace in {folder}")
    events = read_trace(path)
    results = []
    for result in run(events, workbench(ctx, checkpoint)):
        results.append(result)
        if not json:
            typer.echo(one_line(f"{result.tool} {result.target}: {result.difference or 'same'}"))
    different = sum(bool(result.difference) for result in results)
    if json:
        typer.echo(json_module.dumps([result.model_dump() for result in results]))
    else:
        typer.echo(f"{len(results)} calls of {path.name}, {different} differ")
    if different:
        raise typer.Exit(1)
