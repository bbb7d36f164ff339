"""`shelf ask`: one request in plain words about one or more photos."""

import os
from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import Checkpoint, Json, workbench
from agent.settings import PlannerChoice


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ask")(ask)


def ask(
    ctx: typer.Context,
    request: Annotated[str, typer.Argument(help="What you want to know.", show_default=False)],
    images: Annotated[list[Path], typer.Argument(help="The photos.", show_default=False)],
    planner: Annotated[PlannerChoice | None, typer.Option(help="Who plans: auto is the LLM if one is set.")] = None,
    checkpoint: Checkpoint = None,
    json: Json = False,
) -> None:
    """Answer a request about photos in plain words."""
    from agent.errors import AgentError
    from agent.planner import Planners
    from agent.request import Request
    from agent.settings import load_settings
    from agent.terminal import note, progress_line
    from agent.trace import Trace

    if not request.strip():
        raise AgentError('say what you want to know, for example "count the red cans"')
    settings = load_settings(planner=planner, checkpoint=checkpoint)
    bench = workbench(ctx, settings.checkpoint)
    paths = {bench.add(image): image.resolve() for image in images}
    planners = Planners(bench.registry, settings, settings.planner)
    with progress_line() as progress:
        said = Request(text=request, photos=tuple(paths))
        trace = Trace.fresh(settings, f"ask-{os.getpid()}")
        turn = trace.ask(planners, said, {photo.id: path for photo, path in paths.items()}, progress)
    for notice in turn.notices:
        note(notice)
    if json:
        typer.echo(turn.model_dump_json())
    else:
        typer.echo(turn.answer)
    if turn.calls and not turn.records:
        raise typer.Exit(2)
    if any(call.error for call in turn.calls):
        raise typer.Exit(1)
