"""`shelf report`: what batches have left, compared."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands.options import Json

if TYPE_CHECKING:
    from agent.batch.results.diff import Change, Diff, Side

SHOWN = 50  # photos that are listed; --json has all of them


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(name="report", no_args_is_help=True, help="Compare what batches have found.")
    group.callback()(_group)
    group.command("diff")(diff)
    app.add_typer(group)


def _group() -> None:
    """Compare what batches have found."""


def diff(
    before: Annotated[Path, typer.Argument(help="Folder of the earlier run.", show_default=False)],
    after: Annotated[Path, typer.Argument(help="Folder of the later run.", show_default=False)],
    json: Json = False,
) -> None:
    """What changed between two runs, per store and target."""
    from agent.batch.results.diff import diff_runs

    found = diff_runs(before, after)
    if json:
        typer.echo(found.model_dump_json())
    else:
        _show(found)


def _show(found: "Diff") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from agent.terminal import one_line

    console = Console()
    table = Table("store", "target", box=None)
    for name in ("before", "after", "change"):
        table.add_column(name, justify="right")
    table.add_column("")
    for change in found.stores:
        place = (escape(one_line(change.store)) or "–", escape(one_line(change.label)))
        table.add_row(*place, _side(change.before), _side(change.after), _difference(change), _remark(change))
    console.print(table)
    alone = f"{found.only_before} only before, {found.only_after} only after"
    console.print(f"photo by photo: {found.same} counts in both runs, {alone}")
    for photo in found.photos[:SHOWN]:
        mark = "" if photo.clear else " (within the intervals)"
        text = f"{photo.photo}: {photo.label} {photo.before} -> {photo.after}{mark}"
        console.print(one_line(text), markup=False, highlight=False)
    if len(found.photos) > SHOWN:
        console.print(f"... and {len(found.photos) - SHOWN} more; --json has all of them")


def _side(side: "Side | None") -> str:
    if side is None:
        return "–"
    interval = f" ({side.low}–{side.high})" if (side.low, side.high) != (side.total, side.total) else ""
    return f"{side.total}{interval}"


def _difference(change: "Change") -> str:
    return "" if change.difference is None else f"{change.difference:+d}" if change.difference else "0"


def _remark(change: "Change") -> str:
    """What to think of the difference."""
    remarks = []
    if change.difference:
        remarks.append("clear" if change.clear else "within the intervals")
    if change.uneven and change.before and change.after:
        before, after = change.before, change.after
        remarks.append(f"{before.photos} photos then, {after.photos} now")
        if before.failed or after.failed:
            remarks.append(f"{before.failed} failed then, {after.failed} now")
    return "; ".join(remarks)
