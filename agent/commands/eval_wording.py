"""`shelf eval wording`: the optimizer of wordings, on against off."""

import json as json_module
from typing import Annotated

import typer

from agent.commands.options import Checkpoint, Json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("wording")(wording)


def wording(
    scenes: Annotated[int, typer.Option(help="How many rendered scenes.", min=1)] = 20,
    checkpoint: Checkpoint = None,
    json: Json = False,
) -> None:
    """Compare wordings with the user's own on rendered scenes, where every pixel's truth is known."""
    from agent.settings import load_settings
    from agent.wording_trial import Trial, run_trials, summarise
    from segmentation.clipseg import ClipSeg

    engine = ClipSeg.load(checkpoint or load_settings().checkpoint)
    trials: list[Trial] = []
    for trial in run_trials(engine, scenes):
        trials.append(trial)
        off, on = trial.overlap
        typer.echo(f"{trial.kind:32}{trial.text}: overlap {off:.2f} -> {on:.2f} {' | '.join(trial.chosen)}", err=True)
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.kind, []).append(trial)
    summaries = {name: summarise(some) for name, some in {**groups, "all": trials}.items()}
    if json:
        document = {name: summary.model_dump() for name, summary in summaries.items()}
        typer.echo(json_module.dumps({"summaries": document, "trials": [t.model_dump() for t in trials]}))
        return
    typer.echo(f"{'prompt':32}{'asked':>6}{'changed':>8}{'false area':>16}{'overlap':>16}{'count error':>16}")
    for name, item in summaries.items():
        pairs = "".join(f"{off:8.3f}{on:8.3f}" for off, on in (item.false_area, item.overlap, item.count_error))
        typer.echo(f"{name:32}{item.prompts:6d}{item.changed:8d}{pairs}")
