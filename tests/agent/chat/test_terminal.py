import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.chat.session import Reply
from agent.chat.terminal import converse, interruptible
from agent.errors import ChatError
from tools.errors import Cancelled
from tools.registry import Progress


class Echo:
    """A session that says what it hears."""

    def say(self, text: str, progress: Progress) -> Reply:
        if text == "fail":
            raise ChatError("that\x1b[31m failed")
        return Reply(f"heard {text}", (Path("out/a.jpg"),))


@contextmanager
def silent() -> Iterator[Progress]:
    yield Progress()


def test_lines_are_answered_until_the_user_leaves(capsys: pytest.CaptureFixture[str]) -> None:
    assert converse(Echo(), iter(["one\n", "\n", "two\n", "/quit\n", "three\n"]), silent) == 0  # type: ignore[arg-type]
    assert capsys.readouterr().out == "heard one\nPicture: out/a.jpg\nheard two\nPicture: out/a.jpg\n"


def test_a_failed_line_is_one_line_and_the_chat_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert converse(Echo(), iter(["fail", "one"]), silent) == 1  # type: ignore[arg-type]
    captured = capsys.readouterr()
    assert captured.err == "shelf: that failed\n"
    assert "heard one" in captured.out


def test_ctrl_c_stops_the_work_at_its_next_stage_and_not_the_chat() -> None:
    started, ended = threading.Event(), threading.Event()

    def work(progress: Progress) -> Reply:
        started.set()
        try:
            while True:
                progress.report("counting", 0.5)
                progress.cancelled.wait(0.01)
        finally:
            ended.set()

    def press() -> None:
        started.wait(5)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(Cancelled):
        interruptible(work, Progress())
    assert ended.wait(5)


def test_an_error_in_the_work_reaches_the_caller() -> None:
    def work(progress: Progress) -> Reply:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interruptible(work, Progress())
