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
    out: Annotated[Path, typer.Option(help="Where the shelf and the picture go.", metavar="DIR")] = Path(
        "out"
    ),
) -> None:
    """Draw a shelf, count on it in plain words, leave a picture."""
    from agent.planner import Planners
    from agent.request import Request
    from agent.sample import draw_sample
    from agent.settings import load_settings
    from agent.terminal import progress_line
    from tools.records import CountRecord

    settings = load_settings(planner="rules")
    shelf = draw_sample(out / "sample.jpg")
    typer.echo(f"Drawn: {shelf} (six invented brands on three shelves)")
    bench = workbench(ctx, settings.checkpoint)
    photo = bench.add(shelf)
    planners = Planners(bench.registry, settings, settings.planner)
    pictures = {"count the Solara bottles": out / "demo.jpg"}
    for text in (*pictures, "how many Marella cans are on the second shelf?", "any Nutella jars?"):
        with progress_line() as progress:
            turn = planners.ask(Request(text=text, photos=(photo,)), progress)
        typer.echo(f"\n> {text}\n{turn.answer}")
        for record in turn.records:
            if isinstance(record, CountRecord) and text in pictures:
                bench.overlay(record, pictures[text])
                typer.echo(f"Picture: {pictures[text]}")
    typer.echo(f'\nNext: shelf ask "count the Kornblick boxes" {shelf}   or: shelf chat {shelf}')
