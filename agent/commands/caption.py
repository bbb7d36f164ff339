"""`shelf caption`: a sentence about a photo."""

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import Json, workbench


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("caption")(caption)


def caption(
    ctx: typer.Context,
    image: Annotated[Path, typer.Argument(help="The photo.", show_default=False)],
    source: Annotated[
        str,
        typer.Option(
            help="words: from what is printed; openai: the language model that is set; else a BLIP folder or hub id."
        ),
    ] = "words",
    json: Json = False,
) -> None:
    """Write one sentence about a photo."""
    from agent.settings import load_settings
    from agent.terminal import progress_line
    from agent.vision import VisionCaptioner
    from tools.caption import BlipCaptioner, Captioner, caption_tool

    bench = workbench(ctx)
    photo = bench.add(image)
    if source == "words":
        tool = bench.registry.get("caption")
    else:
        captioner: Captioner = VisionCaptioner(load_settings()) if source == "openai" else BlipCaptioner(source)
        tool = caption_tool(bench.store, captioner)
    with progress_line() as progress:
        record = tool.call({"image": photo.id}, progress)
    typer.echo(record.model_dump_json() if json else getattr(record, "text", ""))
