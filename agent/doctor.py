"""What the product needs, checked one by one; every finding says what to do about it."""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Literal

from agent.settings import Settings
from segmentation.errors import ShelfError

State = Literal["good", "note", "bad"]
PACKAGES = (
    "torch",
    "transformers",
    "opencv-python",
    "rapidocr",
    "onnxruntime",
    "langchain",
    "langchain-openai",
    "openai",
    "mcp",
    "fastapi",
    "pydantic",
    "typer",
)


@dataclass(frozen=True)
class Finding:
    """One thing that was checked; `bad` means that counting does not work until it is mended."""

    name: str
    state: State
    text: str
    advice: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Check everything, the quick things first. A check that crashes is a finding, not the end."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _python,
        _packages,
        _opencv,
        _device,
        _checkpoint,
        _reader,
        _language_model,
        _home,
    )
    for check in checks:
        try:
            yield from check(settings)
        except Exception as error:  # the doctor must finish whatever is broken
            yield Finding(check.__name__.strip("_"), "bad", f"{type(error).__name__}: {error}", "reinstall the package")


def _python(_: Settings) -> Iterator[Finding]:
    good = sys.version_info >= (3, 11)
    text = f"{platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores"
    yield Finding("python", "good" if good else "bad", text, "" if good else "use Python 3.11 or newer")


def _packages(_: Settings) -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield Finding(name, "good", version(name))
        except PackageNotFoundError:
            yield Finding(name, "bad", "not installed", "pip install shelf-agent")


def _opencv(_: Settings) -> Iterator[Finding]:
    """All OpenCV distributions share one folder: two versions overwrite each other's files."""
    names = (
        "opencv-python",
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    )
    found = {
        str(item.metadata["Name"]): item.version
        for item in distributions()
        if str(item.metadata["Name"]).lower() in names
    }
    text = ", ".join(f"{name} {number}" for name, number in sorted(found.items()))
    if len(set(found.values())) == 1:
        yield Finding("OpenCV", "good", text)
    else:
        pin = found.get("opencv-python", "5.0.0.93")
        packages = " ".join(f"{name}=={pin}" for name in sorted(found))
        yield Finding(
            "OpenCV", "bad", f"versions differ: {text}", f"pip install --force-reinstall --no-deps {packages}"
        )


def _device(_: Settings) -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        yield Finding("device", "good", f"cuda: {torch.cuda.get_device_name(0)}")
    else:
        yield Finding("device", "good", f"cpu, {torch.get_num_threads()} threads")


def _checkpoint(settings: Settings) -> Iterator[Finding]:
    from segmentation.checkpoint import resolve

    try:
        checkpoint = resolve(settings.checkpoint)
    except ShelfError as error:
        # A wrong name is the user's to mend; without the shipped weights labels and repetition still count.
        state: State = "bad" if settings.checkpoint else "note"
        advice = "name another with --checkpoint or SHELF_CHECKPOINT; labels and repetition work without weights"
        yield Finding("checkpoint", state, str(error), advice)
    else:
        yield Finding("checkpoint", "good", checkpoint.name)


def _reader(_: Settings) -> Iterator[Finding]:
    """Reads a word that is drawn on the spot, so that models and runtime are known to work."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    from segmentation.labels import LabelReader

    picture = Image.new("RGB", (400, 120), "white")
    ImageDraw.Draw(picture).text((40, 30), "SHELF", "black", ImageFont.load_default(60))
    words = [word.text for word in LabelReader().read(np.asarray(picture)).words]
    if any("SHELF" in word.upper() for word in words):
        yield Finding("text reading", "good", "reads a test word")
    else:
        yield Finding("text reading", "bad", f"read {words} for SHELF", "pip install --force-reinstall rapidocr")


def _language_model(settings: Settings) -> Iterator[Finding]:
    """Whether one is set; nothing is sent, and the key is never shown."""
    key = "present" if settings.api_key else "not set"
    if settings.has_model:
        server = settings.base_url or "the OpenAI default"
        yield Finding("language model", "good", f"{settings.model} at {server}, key {key}")
    else:
        advice = "optional: set OPENAI_API_KEY, or SHELF_BASE_URL for a local server"
        yield Finding("language model", "note", "none set; the built-in rules plan", advice)


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home.expanduser()
    probe = home
    while not probe.exists() and probe != probe.parent:
        probe = probe.parent
    good = os.access(probe, os.W_OK) and Path(probe).is_dir()
    text = f"{home}{'' if good else ' cannot be written'}"
    yield Finding("chats", "good" if good else "note", text, "" if good else "set SHELF_HOME to another folder")
