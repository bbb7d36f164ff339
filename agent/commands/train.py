"""`shelf train`: scenes, runs, curves, export."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from segmentation.training.trainer import Line

Run = Annotated[Path, typer.Argument(help="Folder of the run.", show_default=False)]

train_app = typer.Typer(name="train", help="Render scenes, train a CLIPSeg, export it.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(train_app)


@train_app.command("scenes")
def scenes(
    sheet: Annotated[Path, typer.Option(help="PNG to write.", show_default=False)],
    seed: Annotated[int, typer.Option(min=0, help="First scene.")] = 0,
    count: Annotated[int, typer.Option(min=1, max=400, help="Scenes.")] = 40,
    size: Annotated[int, typer.Option(min=64, max=4096, help="Height of a scene, pixels.")] = 224,
    cutouts: Annotated[Path | None, typer.Option(help="Folder of real cut-outs.", show_default=False)] = None,
    prompts: Annotated[bool, typer.Option("--prompts", help="Show each scene with prompts and their masks.")] = False,
) -> None:
    """Draw a contact sheet of rendered scenes."""
    from segmentation.training.sheet import contact_sheet

    contact_sheet(sheet, first_seed=seed, count=count, size=size, data=cutouts, prompts=prompts)


@train_app.command("run")
def run(
    folder: Run,
    plan: Annotated[
        Path | None,
        typer.Option(help="YAML with the settings; the run's own plan.yaml when left out.", show_default=False),
    ] = None,
    until: Annotated[int | None, typer.Option(min=1, help="Stop after this step.", show_default=False)] = None,
) -> None:
    """Train, or go on with a run that was stopped or killed."""
    from segmentation.training.curves import draw_curves
    from segmentation.training.plan import load_plan
    from segmentation.training.trainer import PLAN, keep_plan, train

    settings = load_plan(plan or folder / PLAN)
    if plan is not None:
        keep_plan(settings, plan, folder)
    with _bar(settings.steps) as show:
        done = train(settings, folder, show, until=until, stopped=_asked_to_stop())
    if os.environ.get("RANK", "0") != "0":  # of several processes the first one reports
        return
    picture = draw_curves(folder)
    typer.echo(f"{folder}: step {done.step} of {settings.steps}, {done.scenes} scenes; curves in {picture.name}")


@train_app.command("compare")
def compare(
    folder: Annotated[
        Path, typer.Argument(help="Folder for the runs, their results and table.md.", show_default=False)
    ],
    plan: Annotated[
        Path | None,
        typer.Option(help="YAML: base plan, runs, judge; losses against decoders when left out.", show_default=False),
    ] = None,
) -> None:
    """Train short runs that differ in one thing, judge them alike, print a table; goes on where it was stopped."""
    from importlib.resources import as_file, files

    from segmentation.evaluation.tiles import write_text
    from segmentation.training.comparison import compare as run_all
    from segmentation.training.comparison import load_comparison, table

    with as_file(files("segmentation.training") / "plans" / "compare.yaml") as shipped:
        comparison = load_comparison(plan or shipped)
    stopped = _asked_to_stop()
    with _bar(sum(comparison.plan(entry).steps for entry in comparison.runs)) as show:
        results = run_all(comparison, folder, show.of_run, stopped)
    text = table(results)
    if len(results) < len(comparison.runs):
        typer.echo(f"{text}\nstopped with {len(results)} of {len(comparison.runs)} runs done; the same command goes on")
        return
    write_text(folder / "table.md", text + "\n")
    typer.echo(text)


@train_app.command("export")
def export(
    folder: Run,
    to: Annotated[Path, typer.Option(help="Folder of the checkpoint to write.", show_default=False)],
) -> None:
    """Write the averaged weights of a run as a checkpoint that loads by itself."""
    from segmentation.training.export import export as write

    typer.echo(f"{write(folder, to)} written")


def _asked_to_stop() -> Callable[[], bool]:
    """Whether Ctrl-C or a polite kill has come: the step is then finished and the state saved."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, frame: asked.append(got))
    return lambda: bool(asked)


class _bar:  # used as a function
    """A progress bar with loss, IoU, scenes a second and time left; plain lines when there is no terminal."""

    def __init__(self, steps: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._terminal = Console(stderr=True)
        self._bar = Progress(BarColumn(), TextColumn("{task.description}"), console=self._terminal)
        self._task = self._bar.add_task("starting", total=steps)

    def __enter__(self) -> "_bar":
        if self._terminal.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._bar.stop()

    def of_run(self, name: str, line: "Line") -> None:
        """The numbers of one run among several."""
        self(line, f"{name}: ")

    def __call__(self, line: "Line", before: str = "") -> None:
        left = f"{int(line.seconds_left // 3600)}:{int(line.seconds_left // 60 % 60):02d} h left"
        text = (
            f"{before}step {line.step} loss {line.loss:.4f} IoU {line.iou:.3f} absent {line.lit:.4f} "
            f"rate {line.rate:.1e} {line.scenes_per_second:.1f} scenes/s {left}"
        )
        if self._terminal.is_terminal:
            self._bar.update(self._task, completed=line.step, total=line.steps, description=text)
        else:
            typer.echo(text, err=True)
