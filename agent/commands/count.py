"""`shelf count`: one target on one photo."""

from pathlib import Path
from typing import Annotated, Any

import typer

from agent.commands.options import Checkpoint, Json, check_picture, parse_box, parse_example_file, workbench


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("count")(count)


def count(
    ctx: typer.Context,
    image: Annotated[Path, typer.Argument(help="The photo.", show_default=False)],
    target: Annotated[str, typer.Argument(help="What to count: 'red cans', 'Sunkist bottles'.", show_default=False)],
    exclude: Annotated[list[str] | None, typer.Option(help="A look-alike that does not count.", metavar="TEXT")] = None,
    row: Annotated[int | None, typer.Option(help="Shelf from the top; -1 is the bottom one.", metavar="N")] = None,
    like: Annotated[
        list[str] | None, typer.Option(help="Box around one example on the photo.", metavar="x0,y0,x1,y1")
    ] = None,
    like_image: Annotated[
        list[str] | None,
        typer.Option(
            help="Example on another photo, or a .jsonl that /save of the chat wrote.", metavar="FILE[#x0,y0,x1,y1]"
        ),
    ] = None,
    tune: Annotated[
        bool,
        typer.Option(
            "--tune", help="Fit the words to the --like boxes and count what lights up (things without print)."
        ),
    ] = False,
    no_optimize: Annotated[bool, typer.Option("--no-optimize", help="Use the wording exactly as given.")] = False,
    checkpoint: Checkpoint = None,
    overlay: Annotated[Path | None, typer.Option(help="Write a picture with the count.", metavar="FILE")] = None,
    json: Json = False,
) -> None:
    """Count one kind of thing on one photo."""
    from agent.answer import sentence
    from agent.terminal import progress_line
    from agent.turn import Call
    from segmentation.errors import TargetError
    from tools.records import CountRecord

    if not target.strip():
        raise TargetError("say what to count, for example 'red cans'")
    if overlay is not None:
        check_picture(overlay)
    boxes = [parse_box(text) for text in like or ()]
    files = [example for text in like_image or () for example in parse_example_file(text, target)]
    bench = workbench(ctx, checkpoint)
    arguments: dict[str, Any] = {"image": bench.add(image).id, "target": target, "optimize": not no_optimize}
    arguments |= {"exclude": exclude} if exclude else {}
    arguments |= {"tune": True} if tune else {}
    arguments |= {"row": row} if row is not None else {}
    examples: list[dict[str, Any]] = [{"box": box} for box in boxes]
    examples += [{"image": bench.add(path).id, "box": box} for path, box in files]
    arguments |= {"like": examples} if examples else {}
    with progress_line() as progress:
        record = bench.registry.get("count").call(arguments, progress)
    assert isinstance(record, CountRecord)
    if overlay is not None:
        bench.overlay(record, overlay)
    if json:
        typer.echo(record.model_dump_json())
    else:
        typer.echo(sentence(Call(tool="count", arguments=arguments, record=0), record))
        if overlay is not None:
            typer.echo(f"Picture: {overlay}")
