"""`shelf chat` with tools that count nothing real, for the test in a real terminal."""

import sys
from pathlib import Path

from PIL import Image

from agent.cli import app
from tests.agent.fakes import FakeWorkbench, count_record, fake_registry, image
from tools.arguments import CountArguments
from tools.records import CountRecord
from tools.registry import Progress


def slow(arguments: CountArguments, progress: Progress) -> CountRecord:
    """A count that can be watched, and never ends when it is of endless things."""
    step = 0
    while step < 3 or arguments.target == "endless things":
        progress.report(f"counting {arguments.target}", min(0.9, step / 3))
        progress.cancelled.wait(0.1)
        step += 1
    return count_record(arguments.target, 6, image=image(arguments.image))


class Drawing(FakeWorkbench):
    """Draws a real picture, so that the terminal has one to show."""

    def overlay(self, record: CountRecord, path: Path) -> None:
        Image.new("RGB", (30, 20), (90, 140, 60)).save(path)


if __name__ == "__main__":
    app(sys.argv[1:], obj=lambda checkpoint: Drawing(fake_registry(count=slow)))
