"""`shelf train`: scenes, runs, curves, export."""

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
    import shutil
    import signal

    from segmentation.training.curves import draw_curves
    from segmentation.training.plan import load_plan
    from segmentation.training.trainer import train

    settings = load_plan(plan or folder / "plan.yaml")
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "plan.yaml"
    if plan is not None and not (kept.exists() and kept.samefile(plan)):
        shutil.copyfile(plan, kept)
    asked: list[int] = []  # a polite stop: the step is finished, the state saved
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, frame: asked.append(got))
    with _bar(settings.steps) as show:
        done = train(settings, folder, show, until=until, stopped=lambda: bool(asked))
    picture = draw_curves(folder)
    typer.echo(f"{folder}: step {done.step} of {settings.steps}, {done.scenes} scenes; curves in {picture.name}")


@train_app.command("export")
def export(
    folder: Run,
    to: Annotated[Path, typer.Option(help="Folder of the checkpoint to write.", show_default=False)],
) -> None:
    """Write the averaged weights of a run as a checkpoint that loads by itself."""
    from segmentation.training.export import export as write

    typer.echo(f"{write(folder, to)} written")


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

    def __call__(self, line: "Line") -> None:
        left = f"{int(line.seconds_left // 3600)}:{int(line.seconds_left // 60 % 60):02d} h left"
        text = (
            f"step {line.step} loss {line.loss:.4f} IoU {line.iou:.3f} absent {line.lit:.4f} "
            f"rate {line.rate:.1e} {line.scenes_per_second:.1f} scenes/s {left}"
        )
        if self._terminal.is_terminal:
            self._bar.update(self._task, completed=line.step, description=text)
        else:
            typer.echo(text, err=True)
