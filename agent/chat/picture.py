"""A picture as text that a terminal draws: kitty's protocol, iTerm2's, sixels, or two pixels in each character cell."""

import base64
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Way = Literal["kitty", "iterm", "sixel", "cells"]

ROWS = 36  # of cells: the picture and its answer fit on one screen
PIXELS = (960, 720)  # largest picture that is sent where real pixels are shown
COLOURS = 64  # of a sixel picture
KITTY_CHUNK = 4096  # characters, the most that the protocol allows in one piece
ESCAPE, END = "\x1b", "\x1b\\"


def drawn(path: Path, way: Way, columns: int) -> str:
    """The picture as text for a terminal that is so many cells wide.

    Raises:
        OSError: the file cannot be read as a picture.
    """
    return _WAYS[way](path, columns)


def half_cells(path: Path, columns: int, rows: int = ROWS) -> str:
    """Lines of upper half blocks: foreground is the upper pixel, background the lower, in 24-bit colour."""
    pixels = _pixels(path, (columns, rows * 2))  # (h, w, 3)
    lines = []
    for y in range(0, pixels.shape[0] - 1, 2):
        cells = (
            f"\x1b[38;2;{_rgb(top)}m\x1b[48;2;{_rgb(bottom)}m▀"
            for top, bottom in zip(pixels[y], pixels[y + 1], strict=True)
        )
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)


def kitty(path: Path, columns: int) -> str:
    """Kitty's graphics protocol: PNG in base64, in pieces; q=2 so that nothing comes back as typed keys.

    https://sw.kovidgoyal.net/kitty/graphics-protocol/
    """
    data = base64.b64encode(_png(path)).decode("ascii")
    pieces = [data[start : start + KITTY_CHUNK] for start in range(0, len(data), KITTY_CHUNK)]
    head = "a=T,f=100,q=2,"
    lines = []
    for number, piece in enumerate(pieces):
        more = int(number + 1 < len(pieces))
        lines.append(f"{ESCAPE}_G{head if number == 0 else ''}m={more};{piece}{END}")
    return "".join(lines)


def iterm(path: Path, columns: int) -> str:
    """iTerm2's inline images, which WezTerm understands too (https://iterm2.com/documentation-images.html)."""
    png = _png(path)
    data = base64.b64encode(png).decode("ascii")
    return f"{ESCAPE}]1337;File=inline=1;size={len(png)};preserveAspectRatio=1:{data}\x07"


def sixel(path: Path, columns: int) -> str:
    """Sixels, six rows of pixels to a band, one pass over the band for each colour (DEC STD 070)."""
    from PIL import Image

    picture = Image.fromarray(_pixels(path, PIXELS)).quantize(COLOURS, dither=Image.Dither.NONE)
    palette = np.asarray(picture.getpalette(), np.uint8).reshape(-1, 3)
    indices = np.asarray(picture)  # (h, w) uint8
    height, width = indices.shape
    used = np.unique(indices)
    colours = "".join(
        f"#{index};2;{';'.join(str(round(int(channel) * 100 / 255)) for channel in palette[index])}" for index in used
    )
    bands = "-".join("$".join(_band(indices[top : top + 6])) for top in range(0, height, 6))
    return f'{ESCAPE}P0;1q"1;1;{width};{height}{colours}{bands}{END}'


def _band(rows: NDArray[np.uint8]) -> Iterator[str]:
    """The passes of one band: (up to 6, w) palette indices."""
    weights = (1 << np.arange(len(rows)))[:, None]
    for index in np.unique(rows):
        codes = ((rows == index) * weights).sum(axis=0) + 63
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        lengths = np.diff(starts, append=len(codes))
        runs = (
            f"!{length}{chr(code)}" if length > 3 else chr(code) * int(length)
            for code, length in zip(codes[starts], lengths, strict=True)
        )
        yield f"#{index}{''.join(runs)}"


def _pixels(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture no larger than (width, height), as (h, w, 3) RGB."""
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("RGB")
    small.thumbnail(size)
    return np.asarray(small, np.uint8)


def _png(path: Path) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(_pixels(path, PIXELS)).save(out, "PNG")
    return out.getvalue()


def _rgb(pixel: NDArray[np.uint8]) -> str:
    return ";".join(str(channel) for channel in pixel)


_WAYS: dict[Way, Callable[[Path, int], str]] = {
    "kitty": kitty,
    "iterm": iterm,
    "sixel": sixel,
    "cells": half_cells,
}
