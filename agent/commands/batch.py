"""`shelf batch`: instructions over many photos."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from agent.commands.options import Checkpoint, Json, workbench
from agent.settings import PlannerChoice

if TYPE_CHECKING:
    from agent.batch.call import Call
    from agent.batch.plan import Plan
    from agent.batch.work import Engine
    from agent.settings import Settings
    from agent.workbench import Workbench

EngineChoice = Literal["local", "ray"]

File = Annotated[Path, typer.Argument(help="Instructions: .yaml, .jsonl or .csv.", show_default=False, metavar="FILE")]
Planner = Annotated[PlannerChoice | None, typer.Option(help="Who plans sentences: auto is the LLM if one is set.")]
Outputs = Annotated[
    str | None,
    typer.Option(help="In place of those in FILE: jsonl,csv,parquet,coco,labelstudio,overlays,report.", metavar="LIST"),
]


class _RunByDefault(TyperGroup):
    """`shelf batch FILE` is `shelf batch run FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="batch",
        cls=_RunByDefault,
        no_args_is_help=True,
        help="Run instructions over many photos: shelf batch FILE --out DIR.",
    )
    group.command("run")(run)
    group.command("check")(check)
    app.add_typer(group)


def run(
    ctx: typer.Context,
    file: File,
    out: Annotated[Path, typer.Option(help="Folder for journal and results.", show_default=False, metavar="DIR")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in DIR, if there is one.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Start over; the earlier run moves to DIR/previous-N.")] = False,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="Go on though something changed; keep what still fits.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Go on, and try again what failed before.")
    ] = False,
    max_errors: Annotated[
        int | None, typer.Option(help="Stop after more failures than this.", metavar="N", min=0)
    ] = None,
    outputs: Outputs = None,
    planner: Planner = None,
    checkpoint: Checkpoint = None,
    engine: Annotated[EngineChoice, typer.Option(help="Where the work is done.")] = "local",
    address: Annotated[
        str | None,
        typer.Option(help="Ray: cluster to join; none: one on this machine.", metavar="ADDRESS"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Ray: actors, each with a model of its own.", metavar="N", min=1)
    ] = None,
    gpus: Annotated[float, typer.Option(help="Ray: GPUs per actor; may be a fraction.", metavar="X", min=0)] = 0,
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Photos that one model counts at once; their views share encoder batches.",
            metavar="N",
            min=1,
            show_default="2",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Do the work: photos × requests, each exactly once, whatever interrupts it."""
    from agent.batch.disk import Disk
    from agent.batch.errors import RunRefused
    from agent.batch.folder import Job, RunFolder, Start
    from agent.batch.progress import Progress
    from agent.batch.results.publish import publish_results
    from agent.batch.runner import Choices, run_batch
    from agent.settings import load_settings

    if new and (resume or accept_changes or retry_failed):
        raise RunRefused("--new starts over; it cannot be given with an option that goes on")
    if engine == "local" and (address or workers or gpus):
        raise RunRefused("--address, --workers and --gpus are for --engine ray")
    settings = load_settings(planner=planner, checkpoint=checkpoint)
    bench = workbench(ctx, settings.checkpoint, batch=True)
    folder = RunFolder(out, Disk())
    known = None if new else folder.job()
    plan = _plan(file, settings, bench, outputs, known.planned() if known else {})

    def make_engine() -> "Engine":
        from agent.batch.work import LANES

        lanes = batch_size or LANES
        overlays = "overlays" in plan.outputs
        if engine == "ray":
            from functools import partial

            from agent.batch.bench import open_bench
            from agent.batch.cluster import RayEngine

            make_bench = partial(open_bench, settings.checkpoint, dict(plan.examples), overlays, bench.fingerprint())
            return RayEngine(make_bench, address, workers, gpus, lanes=lanes)
        from agent.batch.bench import ToolBench
        from agent.batch.local import LocalEngine

        return LocalEngine(ToolBench.of(bench, plan.examples, overlays), lanes=lanes)

    going_on: Start = "resume" if resume or retry_failed else "fresh"
    start: Start = "new" if new else "accept" if accept_changes else going_on
    stop = Event()
    with Progress() as progress, _stopping(stop):
        summary = run_batch(
            plan,
            Job.of(plan, bench.fingerprint()),
            folder,
            make_engine,
            progress,
            Choices(start, retry_failed, max_errors),
            stop,
        )
    if summary.ending == "complete" and plan.publish:
        publish_results(folder, plan.outputs, plan.publish)
    if json:
        typer.echo(summary.model_dump_json())
    else:
        typer.echo(f"{summary.done} of {summary.tasks} tasks done, {summary.failed} failed: {out}")
    if summary.ending != "complete":
        typer.echo(f"shelf: stopped ({summary.ending}); go on with --resume", err=True)
    if summary.failed or summary.ending != "complete":
        raise typer.Exit(1)


def check(
    ctx: typer.Context,
    file: File,
    sample: Annotated[
        int, typer.Option(help="Count on this many photos to estimate the time.", metavar="N", min=0)
    ] = 0,
    outputs: Outputs = None,
    planner: Planner = None,
    checkpoint: Checkpoint = None,
    json: Json = False,
) -> None:
    """Find every mistake in FILE before any work, and show what it would do."""
    from agent.batch.bench import ToolBench
    from agent.batch.estimate import estimate_seconds
    from agent.batch.overview import overview
    from agent.batch.progress import duration
    from agent.settings import load_settings
    from agent.terminal import one_line

    settings = load_settings(planner=planner, checkpoint=checkpoint)
    bench = workbench(ctx, settings.checkpoint, batch=True)
    plan = _plan(file, settings, bench, outputs, {})
    seconds = None
    if sample:
        tools = ToolBench.of(bench, plan.examples, "overlays" in plan.outputs)
        seconds = estimate_seconds(plan, tools, sample)
    found = overview(plan, seconds)
    if json:
        typer.echo(found.model_dump_json())
        return
    typer.echo(f"{found.photos} photos, {found.tasks} tasks; outputs: {', '.join(found.outputs)}")
    for asked in found.asked[:SHOWN]:
        words = f"  (from {asked.sentence!r})" if asked.sentence else ""
        typer.echo(one_line(f"{asked.photos} × {asked.label}{words}"))
    if len(found.asked) > SHOWN:
        typer.echo(f"... and {len(found.asked) - SHOWN} other requests")
    for text in found.notes:
        typer.echo(f"note: {text}")
    if seconds is not None:
        typer.echo(f"time: about {duration(seconds)}, measured on {min(sample, found.photos)} of the photos")
    else:
        typer.echo("time: not measured; --sample 3 counts on three photos to tell")


SHOWN = 50  # distinct requests that `check` lists


def _plan(
    file: Path,
    settings: "Settings",
    bench: "Workbench",
    outputs: str | None,
    planned: "dict[str, tuple[Call, ...]]",
) -> "Plan":
    """The plan of an instruction file; its problems are shown one a line."""
    from agent.batch.errors import InstructionError
    from agent.batch.instructions import choose_outputs, read_instructions
    from agent.batch.plan import make_plan
    from agent.batch.planning import LazyPlanner
    from agent.terminal import note, one_line

    try:
        chosen = None if outputs is None else choose_outputs(outputs)
        planner = LazyPlanner(bench.registry, settings, note)
        return make_plan(read_instructions(file), planner, bench.registry, chosen, planned)
    except InstructionError as error:
        for problem in error.problems:
            typer.echo(f"{file.name}: {one_line(str(problem))}", err=True)
        raise typer.Exit(2) from error


@contextmanager
def _stopping(stop: Event) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM asks the run to stop, the second ends it at once. Both can be resumed."""

    def asked(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        sys.stderr.write("finishing the photos in work; once more stops at once\n")

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
