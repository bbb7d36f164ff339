"""`shelf doctor`: is everything there, and what to do about what is not."""

import json as json_module
from dataclasses import asdict

import typer

from agent.commands.options import Json

MARKS = {"good": "ok  ", "note": "note", "bad": "BAD "}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(json: Json = False) -> None:
    """Check versions, device, weights, text reading and settings; say what to do about each problem."""
    from agent.doctor import examine
    from agent.settings import load_settings
    from agent.terminal import one_line

    findings = []
    for finding in examine(load_settings()):
        findings.append(finding)
        if not json:
            typer.echo(f"{MARKS[finding.state]} {finding.name}: {one_line(finding.text)}")
            if finding.advice:
                typer.echo(f"     -> {finding.advice}")
    if json:
        typer.echo(json_module.dumps([asdict(finding) for finding in findings]))
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(2)
