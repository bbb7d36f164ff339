"""The chat in a terminal: prompt, run, show. Plain input when there is no terminal."""

import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import typer

from agent.chat.display import terminal_way
from agent.chat.picture import drawn
from agent.chat.session import Reply, Session
from agent.settings import PictureChoice
from agent.terminal import complain, note
from segmentation.errors import ShelfError
from tools.errors import Cancelled
from tools.registry import Progress

COMMANDS = ["/image", "/photos", "/save", "/undo", "/redo", "/show", "/why", "/help", "/quit"]
QUIT = {"/quit", "/exit", "quit", "exit", "bye"}
PATIENCE = 30.0  # seconds that a cancelled tool gets to reach its next stage


def typed_lines(history: Path) -> Iterator[str]:
    """What the user types, line by line, until the end of input; Ctrl-C drops the line."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield from sys.stdin
        return
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import FileHistory

    history.parent.mkdir(parents=True, exist_ok=True)
    prompt: PromptSession[str] = PromptSession(
        history=FileHistory(str(history)), completer=WordCompleter(COMMANDS, sentence=True)
    )
    while True:
        try:
            yield prompt.prompt("shelf> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def converse(
    session: Session,
    lines: Iterator[str],
    progress_line: Callable[[], AbstractContextManager[Progress]],
    pictures: PictureChoice = "auto",
) -> int:
    """Answer line after line until the user leaves. Returns the exit code: 1 when a line failed."""
    failed = 0
    for line in lines:
        text = line.strip()
        if text.lower() in QUIT:
            break
        if not text:
            continue
        try:
            with progress_line() as progress:
                reply = interruptible(lambda progress: session.say(text, progress), progress)  # noqa: B023
        except Cancelled:
            note("stopped")
        except ShelfError as error:
            failed = 1
            complain(str(error))
        else:
            show(reply, pictures)
    return failed


def show(reply: Reply, pictures: PictureChoice = "auto") -> None:
    """Print a reply; the path of a picture always, the picture where the terminal can show it."""
    for notice in reply.notices:
        note(notice)
    typer.echo(reply.text)
    for path in reply.pictures:
        way = terminal_way() if pictures == "auto" else pictures
        if way is not None and way != "none":
            columns = max(20, shutil.get_terminal_size().columns - 2)
            sys.stdout.write(drawn(path, way, columns) + "\n")  # not echo: it takes colours out where it sees fit
            sys.stdout.flush()
        typer.echo(f"Picture: {path}")


def interruptible(work: Callable[[Progress], Reply], progress: Progress) -> Reply:
    """Run work so that Ctrl-C stops it and not the chat.

    The work runs in a thread; on Ctrl-C its progress raises at the next stage that it reports.

    Raises:
        Cancelled: it was stopped.
    """
    result: list[Reply] = []
    failure: list[BaseException] = []

    def report(stage: str, fraction: float) -> None:
        if progress.cancelled.is_set():
            raise Cancelled("stopped")
        progress.report(stage, fraction)

    def run() -> None:
        try:
            result.append(work(Progress(report, progress.cancelled)))
        except BaseException as error:  # handed to the waiting thread, whatever it is
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True, name="turn")
    try:
        thread.start()
        while thread.is_alive():
            thread.join(0.2)
    except KeyboardInterrupt:
        progress.cancelled.set()
        thread.join(PATIENCE)
        raise Cancelled("stopped") from None
    if failure:
        raise failure[0]
    return result[0]
