"""`shelf tools`: the tool definitions, for pasting into another program."""

import json
from typing import Annotated, Literal

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tools")(tools)


def tools(
    ctx: typer.Context,
    format: Annotated[Literal["openai", "mcp", "anthropic"], typer.Option(help="Whose definitions.")] = "openai",
) -> None:
    """Print the tools as definitions for a language model."""
    from agent.commands.options import workbench
    from tools.serving.definitions import definitions

    typer.echo(json.dumps(definitions(workbench(ctx).registry, format), indent=2, ensure_ascii=False))
