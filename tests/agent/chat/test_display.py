import os
import pty
import termios
import threading
import time

import pytest

from agent.chat.display import QUESTION, answer_of, way_of

KITTY = b"\x1b_Gi=31;OK\x1b\\\x1b[?62;c"
XTERM_WITH_SIXELS = b"\x1b[?63;1;2;4;6;9;15;22c"
PLAIN = b"\x1b[?64;1;2;6c"


@pytest.mark.parametrize(
    ("environment", "answer", "way"),
    [
        ({"TERM": "xterm-kitty", "COLORTERM": "truecolor"}, KITTY, "kitty"),
        ({"TERM": "xterm-256color"}, XTERM_WITH_SIXELS, "sixel"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, b"", "iterm"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, b"", "iterm"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, PLAIN, "cells"),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit"}, b"", "cells"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, b"\x1b[?4c", "cells"),  # VT132, no attribute
        ({"TERM": "xterm"}, PLAIN, None),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, KITTY, None),
        ({}, KITTY, None),
    ],
)
def test_a_terminal_shows_pictures_as_it_says(environment: dict[str, str], answer: bytes, way: str | None) -> None:
    assert way_of(environment, lambda: answer) == way


def test_the_answer_is_read_to_its_end_and_the_settings_are_put_back() -> None:
    terminal, program = pty.openpty()

    def answer() -> None:
        heard = b""
        while not heard.endswith(QUESTION):
            heard += os.read(terminal, 1024)
        os.write(terminal, KITTY[:7])
        os.write(terminal, KITTY[7:])

    before = termios.tcgetattr(program)
    thread = threading.Thread(target=answer)
    thread.start()
    try:
        assert answer_of(program, program, limit=10) == KITTY
        assert termios.tcgetattr(program) == before
    finally:
        thread.join(10)
        os.close(terminal)
        os.close(program)


def test_a_silent_terminal_is_waited_for_a_moment_only() -> None:
    terminal, program = pty.openpty()
    begin = time.monotonic()
    assert answer_of(program, program, limit=0.2) == b""
    assert time.monotonic() - begin < 2
    os.close(terminal)
    os.close(program)


def test_what_is_no_terminal_answers_nothing() -> None:
    reading, writing = os.pipe()
    assert answer_of(reading, writing) == b""
    os.close(reading)
    os.close(writing)
