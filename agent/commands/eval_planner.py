"""`shelf eval planner`: requests with the calls that they must lead to."""

from typing import Annotated

import typer

from agent.commands.options import Json
from agent.settings import PlannerChoice


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("planner")(planner)


def planner(
    planner: Annotated[PlannerChoice | None, typer.Option(help="Who plans: auto is the LLM if one is set.")] = None,
    json: Json = False,
) -> None:
    """Score a planner on the table of requests; no photo is looked at."""
    from agent.settings import load_settings
    from agent.table import cases, run_table

    settings = load_settings(planner=planner)
    results = []
    for result in run_table(cases(), settings):
        results.append(result)
        if not result.right:
            got = result.error or ", ".join(call.model_dump_json(exclude_defaults=True) for call in result.got)
            typer.echo(f"wrong: {' >> '.join((*result.case.after, result.case.say))}: {got or 'no call'}", err=True)
    right = sum(result.right for result in results)
    if json:
        import json as json_module

        rows = [result.model_dump(mode="json") | {"right": result.right} for result in results]
        typer.echo(json_module.dumps({"right": right, "asked": len(results), "results": rows}))
        return
    seconds = sorted(result.seconds for result in results)
    typer.echo(
        f"{right} of {len(results)} right ({right / len(results):.0%}), median "
        f"{1000 * seconds[len(seconds) // 2]:.0f} ms"
    )
