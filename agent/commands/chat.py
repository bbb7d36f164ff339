"""`shelf chat`: a conversation about photos."""

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.options import Checkpoint, workbench
from agent.settings import PlannerChoice


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("chat")(chat)


def chat(
    ctx: typer.Context,
    images: Annotated[list[Path] | None, typer.Argument(help="The photos.", show_default=False)] = None,
    planner: Annotated[PlannerChoice | None, typer.Option(help="Who plans: auto is the LLM if one is set.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Take up the chat that was left last.")] = False,
    out: Annotated[Path, typer.Option(help="Where pictures of counts are written.", metavar="DIR")] = Path("out"),
    checkpoint: Checkpoint = None,
) -> None:
    """Talk about photos: count, ask back, correct. /help inside says what can be said."""
    import uuid

    from agent.chat.memory import Memory
    from agent.chat.session import Session
    from agent.chat.terminal import converse, show, typed_lines
    from agent.errors import ChatError
    from agent.planner import Planners
    from agent.settings import load_settings
    from agent.terminal import progress_line
    from agent.trace import Trace

    settings = load_settings(planner=planner, checkpoint=checkpoint)
    home = settings.home.expanduser()
    bench = workbench(ctx, settings.checkpoint)
    with Memory(home / "chats.sqlite") as memory:
        thread = memory.latest() if resume else uuid.uuid4().hex
        if thread is None:
            raise ChatError("there is no chat to resume; start one with: shelf chat PHOTO")
        planners = Planners(bench.registry, settings, settings.planner, memory.saver)
        trace = Trace.fresh(settings, f"chat-{thread[:8]}")
        session = Session(bench, planners, memory, thread, out, trace)
        if resume:
            show(session.resume(), settings.pictures)
        if images or not resume:
            show(session.add(images or []), settings.pictures)
        code = converse(session, typed_lines(home / "history"), progress_line, settings.pictures)
    raise typer.Exit(code)
