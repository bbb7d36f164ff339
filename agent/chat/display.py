"""How the terminal shows pictures: it is asked when the first one is to be shown, and has a moment to answer."""

import os
import re
import select
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache

from agent.chat.picture import Way

# Does it know kitty's protocol (a picture of one pixel, only asked about), and what is it at all? Every terminal
# answers the second question, so the wait ends there and not at the limit.
QUESTION = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"
ATTRIBUTES = re.compile(rb"\x1b\[\?([\d;]+)c")
LIMIT = 0.3  # seconds
SIXELS = b"4"  # among the device attributes


def way_of(environment: Mapping[str, str], ask: Callable[[], bytes]) -> Way | None:
    """How to show a picture; None when the terminal gives no sign that it can.

    Args:
        environment: of the process.
        ask: what the terminal answers to QUESTION, as far as it came in time.
    """
    if environment.get("TERM", "dumb") in ("dumb", ""):
        return None
    if environment.get("LC_TERMINAL") == "iTerm2" or environment.get("TERM_PROGRAM") in ("iTerm.app", "WezTerm"):
        return "iterm"
    answer = ask()
    if b"\x1b_Gi=31;OK" in answer:
        return "kitty"
    attributes = ATTRIBUTES.search(answer)
    if attributes and SIXELS in attributes[1].split(b";")[1:]:
        return "sixel"
    return "cells" if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit") else None


@cache
def terminal_way() -> Way | None:
    """How the terminal of this process shows pictures; asked once. None where there is no terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    return way_of(os.environ, lambda: answer_of(sys.stdin.fileno(), sys.stdout.fileno()))


def answer_of(keyboard: int, screen: int, limit: float = LIMIT) -> bytes:
    """What a terminal answers to QUESTION within the limit; its settings are put back.

    Keys that are pressed in that moment are lost: they come in between the bytes of the answer.
    """
    try:
        import termios
        import tty
    except ImportError:  # no such terminals on this system
        return b""
    answer = b""
    try:
        before = termios.tcgetattr(keyboard)
        try:
            tty.setcbreak(keyboard)
            os.write(screen, QUESTION)
            end = time.monotonic() + limit
            while (left := end - time.monotonic()) > 0 and not ATTRIBUTES.search(answer):
                if select.select([keyboard], [], [], left)[0]:
                    answer += os.read(keyboard, 1024)
        finally:
            termios.tcsetattr(keyboard, termios.TCSANOW, before)
    except (OSError, termios.error):  # a terminal that went away, or is none after all
        return b""
    return answer
