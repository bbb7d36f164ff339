"""Options that several commands share, and the seam through which they reach the tools."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from agent.errors import AgentError

if TYPE_CHECKING:
    from agent.workbench import Workbench

Json = Annotated[bool, typer.Option("--json", help="Print the record as JSON on standard output, nothing else.")]
Checkpoint = Annotated[
    str | None,
    typer.Option(help="Segmentation weights: the shipped name, a folder, or a hub id.", metavar="NAME|PATH"),
]


MOST_SAVED = 3  # boxes of a saved count that are taken as examples: more cost time and add little


class ExampleError(AgentError):
    """An example on the command line that cannot be read."""


class PictureError(AgentError):
    """A place on the command line where no picture can be written."""


def workbench(ctx: typer.Context, checkpoint: str | None = None, batch: bool = False) -> "Workbench":
    """The tools for this run, or for a batch; a test hands its own in as the context's object."""
    from agent.settings import load_settings
    from agent.workbench import OpenWorkbench, open_batch_workbench, open_workbench

    factory = cast("OpenWorkbench", ctx.obj or (open_batch_workbench if batch else open_workbench))
    return factory(checkpoint or load_settings().checkpoint)


def check_picture(path: Path) -> None:
    """Refuse a place for a picture before the work that it would show.

    Raises:
        PictureError: another ending than .jpg or .png, or no such folder.
    """
    if path.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise PictureError(f"{path}: an overlay is written as .jpg or .png")
    if not path.resolve().parent.is_dir():
        raise PictureError(f"{path}: there is no such folder")


def parse_box(text: str) -> tuple[int, int, int, int]:
    """Read "155,618,280,815" as a box.

    Raises:
        ExampleError: it is not four whole numbers.
    """
    try:
        x0, y0, x1, y1 = (int(part) for part in text.split(","))
    except ValueError:
        raise ExampleError(f"an example is x0,y0,x1,y1 in whole pixels, not {text!r}") from None
    return x0, y0, x1, y1


def parse_example_file(text: str, target: str) -> list[tuple[Path, tuple[int, int, int, int] | None]]:
    """Read "pack.jpg", "shelf.jpg#10,20,110,220", or a file that /save of the chat wrote, as pictures and boxes.

    Of such a file the boxes saved last for the target are taken, or those saved last of all.

    Raises:
        ExampleError: a box that is none, or a file without boxes.
        DataError: a file that /save did not write.
    """
    if text.lower().endswith(".jsonl"):
        return _saved_examples(Path(text), target)
    path, mark, box = text.rpartition("#")
    if mark and box.count(",") == 3:
        return [(Path(path), parse_box(box))]
    return [(Path(text), None)]


def _saved_examples(path: Path, target: str) -> list[tuple[Path, tuple[int, int, int, int] | None]]:
    from agent.evaluation import read_questions

    saved = [question for question in read_questions(path) if question.boxes]
    if not saved:
        raise ExampleError(f"{path}: no line of it has boxes to take as examples")
    same = [question for question in saved if question.prompt.lower() == target.lower()]
    chosen = (same or saved)[-1]
    return [(path.parent / chosen.image, box) for box in (chosen.boxes or ())[:MOST_SAVED]]
