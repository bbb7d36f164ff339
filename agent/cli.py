"""The command line `shelf`. Commands live in agent.commands; nothing heavy is imported before one runs.

Exit codes: 0 done, 1 the work failed in part, 2 the user must change something.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

from agent.terminal import complain
from segmentation.errors import ShelfError

COMMANDS = (
    "count",
    "ask",
    "chat",
    "describe",
    "caption",
    "optimizer",
    "replay",
    "batch",
    "report",
    "serve",
    "tools",
    "train",
    "doctor",
    "demo",
)
EVALUATIONS = ("evaluate", "eval_planner", "eval_segmentation", "eval_wording")  # below `shelf eval`


class _OneLineErrors(TyperGroup):
    """A mistake of the user ends as one line and code 2; a bug keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ShelfError as error:
            complain(str(error))
            raise typer.Exit(2) from error


app = typer.Typer(
    cls=_OneLineErrors,
    name="shelf",
    help="Ask a shelf photo and get a number you can defend.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_evaluate = typer.Typer(name="eval", help="Measure counts, masks and planners on labelled data.", no_args_is_help=True)


def _register(names: tuple[str, ...], group: typer.Typer) -> None:
    for name in names:
        if find_spec(f"agent.commands.{name}") is not None:
            import_module(f"agent.commands.{name}").register(group)


_register(COMMANDS, app)
_register(EVALUATIONS, _evaluate)
app.add_typer(_evaluate)


def main() -> None:
    """Entry point of the `shelf` script."""
    # torch's threads spin while they wait for each other. Where other work runs too, encoding took two to
    # three times as long as with sleeping ones; on an idle machine it costs 7 % (docs/experiments.md).
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    app()
