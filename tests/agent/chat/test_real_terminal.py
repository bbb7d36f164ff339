"""The chat in a real terminal: tmux types and reads the screen as a person would."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.evaluation import read_questions

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
ROOT = Path(__file__).parents[3]
SHELF = Path(sys.executable).parent / "shelf"
PHOTO = ROOT.parent / "shared" / "data" / "real" / "osa" / "junk_img_0141.jpg"
PATIENCE = 240.0  # seconds until a text must have appeared


class Terminal:
    """One tmux server of its own with one window."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tmux("new-session", "-d", "-x", "100", "-y", "40", "-c", str(folder), "sh")

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self.folder / "tmux"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    def press(self, key: str) -> None:
        self._tmux("send-keys", key)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-S", "-200")

    def wait_for(self, text: str) -> str:
        """The screen once the text is on it."""
        end = time.monotonic() + PATIENCE
        while text not in (screen := self.screen()):
            assert time.monotonic() < end, f"{text!r} never appeared on:\n{screen}"
        return screen

    def wait_for_prompt(self) -> None:
        """Until the chat waits for the next line: keys that come earlier are lost."""
        end = time.monotonic() + PATIENCE
        while self.screen().rstrip().splitlines()[-1:] != ["shelf>"]:
            assert time.monotonic() < end, f"no prompt on:\n{self.screen()}"

    def close(self) -> None:
        self._tmux("kill-server")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / "soda.jpg").touch()
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


def start(terminal: Terminal, *arguments: str) -> None:
    words = " ".join(arguments)
    terminal.type(
        f"env SHELF_HOME={terminal.folder}/home PYTHONPATH={ROOT} COLORTERM=truecolor TERM=screen-256color"
        f" {sys.executable} -m tests.agent.chat.real_chat chat {words}; echo left with $?"
    )
    terminal.wait_for_prompt()


def test_start_ask_stop_correct_undo_quit_and_resume(terminal: Terminal) -> None:
    start(terminal, "soda.jpg")
    terminal.type("count the bottles")
    terminal.wait_for("Picture: out/soda-bottles-p1.jpg")
    assert "▀" in terminal.screen()
    terminal.wait_for_prompt()
    terminal.type("count the endless things")
    terminal.wait_for("counting endless things")
    terminal.press("C-c")
    terminal.wait_for("note: stopped")
    terminal.wait_for_prompt()
    terminal.type("drop 2")
    terminal.wait_for("bottles: 5 after 1 correction (counted: 6).")
    terminal.wait_for_prompt()
    terminal.type("undo")
    terminal.wait_for("bottles: 6, as counted.")
    terminal.wait_for_prompt()
    terminal.type("drop 3")
    terminal.wait_for("shelf> drop 3")
    terminal.wait_for_prompt()
    terminal.press("C-d")
    terminal.wait_for("left with 0")
    terminal.type("clear")
    start(terminal, "--resume")
    terminal.wait_for("bottles: 5 after 1 correction (counted: 6).")
    terminal.type("and the jars?")
    terminal.wait_for("6 jars.")
    terminal.wait_for_prompt()
    terminal.type("/quit")
    terminal.wait_for("left with 0")


@pytest.mark.skipif(not PHOTO.exists(), reason="the real photos are not here")
def test_a_real_photo_is_counted_corrected_saved_and_taken_up_again(terminal: Terminal) -> None:
    """With the tools of the product: one brand whose packs are read, as a person in a store would go about it."""
    run = f"env SHELF_HOME={terminal.folder}/home TERM=screen-256color COLORTERM= {SHELF}"
    terminal.type(f"{run} chat {PHOTO}; echo left with $?")
    terminal.wait_for_prompt()
    terminal.type("hi, how many Heinz lentil soup cans do we have?")
    terminal.wait_for("Picture: out/")
    terminal.wait_for_prompt()
    counted = re.findall(r"(\d+) Heinz lentil soup cans", terminal.screen())[-1]
    terminal.type("why 1?")
    terminal.wait_for("Item 1 at")
    terminal.wait_for_prompt()
    terminal.type("these are the small ones: exclude 1,2")
    terminal.wait_for(f"{int(counted) - 2} after 1 correction (counted: {counted})")
    terminal.wait_for_prompt()
    terminal.type("undo")
    terminal.wait_for(f"cans: {counted}, as counted")
    terminal.wait_for_prompt()
    terminal.type("drop 1")
    terminal.wait_for(f"{int(counted) - 1} after 1 correction")
    terminal.wait_for_prompt()
    terminal.type("/save corrected.jsonl")
    terminal.wait_for("1 count added")
    terminal.wait_for_prompt()
    terminal.type("/quit")
    terminal.wait_for("left with 0")
    (question,) = read_questions(terminal.folder / "corrected.jsonl")
    assert (question.count, len(question.boxes or ())) == (int(counted) - 1, int(counted) - 1)
    assert len(question.excluded) >= 1
    terminal.type(f"clear; {run} chat --resume; echo left with $?")
    terminal.wait_for(f"{int(counted) - 1} after 1 correction (counted: {counted})")
    terminal.wait_for_prompt()
    terminal.type("redo")
    terminal.wait_for("there is no correction to redo")
    terminal.wait_for_prompt()
    terminal.type("/quit")
    terminal.wait_for("left with 1")  # a line failed
