"""Every command in the README runs as it stands there.

A fenced block whose language is `sh` is run line by line in a folder that holds the demo's sample. A block
that cannot run in a test (it installs, talks to a server or waits for a person) opens with ```sh not-run
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```sh[ \t]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The lines of the runnable blocks, continued lines joined, comments and outputs left out."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    lines = [line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with the sample as out/sample.jpg and as photo.jpg."""
    from agent.sample import draw_sample

    folder = tmp_path_factory.mktemp("readme")
    draw_sample(folder / "out" / "sample.jpg")
    draw_sample(folder / "photo.jpg")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", commands() or [pytest.param("", marks=pytest.mark.skip(reason="the README has no commands"))]
)
def test_a_command_of_the_readme_runs(line: str, folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "SHELF_"))}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SHELF_HOME": str(folder / "home"),
    }
    done = subprocess.run(
        line,
        shell=True,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr


def test_every_shelf_command_of_the_readme_exists() -> None:
    """Quick where the test above is slow: names of commands and options, without running anything."""
    from typer.main import get_command

    from agent.cli import app

    root = get_command(app)
    wrong = []
    for line in commands():
        words = shlex.split(line, comments=True)
        if words[:1] != ["shelf"]:
            continue
        command = root
        options = set()
        for word in words[1:]:
            children = getattr(command, "commands", {})
            if word in children:
                command = children[word]
        options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        used = {word.split("=")[0] for word in words[1:] if word.startswith("--")}
        if command is root or used - options - {"--help"}:
            wrong.append(line)
    assert wrong == []
