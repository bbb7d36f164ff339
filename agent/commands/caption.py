"""`shelf caption`: a sentence about a photo."""

from functools import partial
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
        str | None,
        typer.Option(
            help="words: from what is printed; openai: the language model that is set; else a BLIP folder or hub id. "
            "Left out: SHELF_CAPTIONS.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write one sentence about a photo."""
    from agent.terminal import progress_line
    from agent.workbench import captioner_of
    from tools.caption import WordsCaptioner, caption_tool

    bench = workbench(ctx)
    photo = bench.add(image)
    if source is None:
        tool = bench.registry.get("caption")
    else:
        labels = partial(bench.registry.get("read_labels").call, {"image": photo.id})
        tool = caption_tool(
            bench.store, captioner_of(source) or WordsCaptioner(lambda _: getattr(labels(), "words", ()))
        )
    with progress_line() as progress:
        record = tool.call({"image": photo.id}, progress)
    typer.echo(record.model_dump_json() if json else getattr(record, "text", ""))
