"""What is written to a terminal: plain text only, errors and progress on standard error."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from segmentation.printable import printable
from tools.registry import Progress


def plain(text: str) -> str:
    """Visible text with its lines: what a model or a photo says may hold sequences that drive a terminal."""
    return "\n".join(printable(line, len(line)) for line in text.splitlines())


def one_line(text: str) -> str:
    """Visible text on one line."""
    return printable(text, len(text) + 1)


def complain(text: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"shelf: {one_line(text)}\n")


def note(text: str) -> None:
    """A notice on standard error: worth knowing, nothing to mend."""
    sys.stderr.write(f"note: {one_line(text)}\n")


@contextmanager
def progress_line(quiet: bool = False) -> Iterator[Progress]:
    """A progress bar on standard error while tools run; nothing when that is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("thinking", total=1.0)
        yield Progress(lambda stage, fraction: bar.update(task, description=stage, completed=fraction))
