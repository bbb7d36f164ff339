"""A picture in a terminal: two pixels in each character cell, in 24-bit colour."""

import os
import sys
from pathlib import Path

COLUMNS = 100
ROWS = 36


def can_show() -> bool:
    """Whether the terminal says that it shows 24-bit colour; nothing is asked of it."""
    return sys.stdout.isatty() and os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit")


def half_cells(path: Path, columns: int = COLUMNS, rows: int = ROWS) -> str:
    """The picture as lines of upper half blocks: foreground is the upper pixel, background the lower."""
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("RGB")
    small.thumbnail((columns, rows * 2))
    pixels = small.load()
    assert pixels is not None
    lines = []
    for y in range(0, small.height - 1, 2):
        cells = []
        for x in range(small.width):
            top, bottom = _rgb(pixels[x, y]), _rgb(pixels[x, y + 1])
            cells.append(f"\x1b[38;2;{top}m\x1b[48;2;{bottom}m▀")
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)


def _rgb(value: object) -> str:
    assert isinstance(value, tuple)
    return ";".join(str(channel) for channel in value)
