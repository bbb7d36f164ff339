"""`shelf demo`: a count on a shelf that is drawn on the spot."""

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import workbench


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="Where the shelf and the picture go.", metavar="DIR")] = Path("out"),
) -> None:
    """Draw a shelf, count on it in plain words, leave a picture."""
    from agent.planner import Planners
    from agent.request import Request
    from agent.sample import draw_sample
    from agent.settings import load_settings
    from agent.terminal import progress_line
    from tools.records import CountRecord

    settings = load_settings(planner="rules")
    sample = draw_sample(out / "sample.jpg")
    bench = workbench(ctx, settings.checkpoint)
    photo = bench.add(sample.path)
    typer.echo(f"A shelf of invented brands was drawn: {sample.path}")
    planners = Planners(bench.registry, settings, settings.planner)
    for number, (name, drawn) in enumerate([*list(sample.products.items())[:1], ("Nutella jars", 0)]):
        text = f"how many {name} are there?"
        with progress_line() as progress:
            turn = planners.ask(Request(text=text, photos=(photo,)), progress)
        typer.echo(f"\n> {text}\n{turn.answer}\n(drawn: {drawn})")
        for record in turn.records:
            if number == 0 and isinstance(record, CountRecord):
                bench.overlay(record, out / "demo.jpg")
                typer.echo(f"Picture: {out / 'demo.jpg'}")
    typer.echo(f'\nNext: shelf ask "describe the shelf" {sample.path}   or: shelf chat {sample.path}')
