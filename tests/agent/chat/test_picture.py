import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent.chat.picture import KITTY_CHUNK, PIXELS, drawn


@pytest.fixture
def red_over_blue(tmp_path: Path) -> Path:
    picture = Image.new("RGB", (5, 6), (255, 0, 0))
    picture.paste((0, 0, 255), (0, 3, 5, 6))
    picture.save(tmp_path / "p.png")
    return tmp_path / "p.png"


def test_a_cell_holds_two_pixels_one_above_the_other(tmp_path: Path) -> None:
    picture = Image.new("RGB", (2, 2), (255, 0, 0))
    picture.putpixel((0, 1), (0, 0, 255))
    picture.save(tmp_path / "p.png")
    assert drawn(tmp_path / "p.png", "cells", 80).split("▀")[0] == "\x1b[38;2;255;0;0m\x1b[48;2;0;0;255m"


def test_cells_are_never_wider_than_the_terminal(tmp_path: Path) -> None:
    Image.new("RGB", (4000, 900)).save(tmp_path / "p.png")
    assert {line.count("▀") for line in drawn(tmp_path / "p.png", "cells", 40).splitlines()} == {40}


def test_a_sixel_band_is_one_pass_per_colour(red_over_blue: Path) -> None:
    text = drawn(red_over_blue, "sixel", 80)
    assert text.startswith('\x1bP0;1q"1;1;5;6')
    assert text.endswith("\x1b\\")
    colours = dict(re.findall(r"#(\d+);2;(\d+;\d+;\d+)", text))
    assert sorted(colours.values()) == ["0;0;100", "100;0;0"]
    runs = dict(re.findall(r"#(\d+)(![^$\x1b]+)", text))
    # Rows 0 to 2 are bits 1, 2, 4: 7 + 63 is F; rows 3 to 5 are 8, 16, 32: 56 + 63 is w. Five columns are one run.
    assert {colours[index]: run for index, run in runs.items()} == {"100;0;0": "!5F", "0;0;100": "!5w"}


def test_kitty_gets_a_png_in_pieces(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "p.png")
    text = drawn(tmp_path / "p.png", "kitty", 80)
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", text)
    assert "".join(f"\x1b_G{head};{data}\x1b\\" for head, data in pieces) == text
    assert [head for head, _ in pieces] == ["a=T,f=100,q=2,m=1", *["m=1"] * (len(pieces) - 2), "m=0"]
    assert max(len(data) for _, data in pieces) == KITTY_CHUNK
    sent = Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in pieces))))
    assert np.array_equal(np.asarray(sent), noise)


def test_iterm_gets_a_small_png(tmp_path: Path) -> None:
    Image.new("RGB", (4000, 3000)).save(tmp_path / "p.png")
    text = drawn(tmp_path / "p.png", "iterm", 80)
    match = re.fullmatch(r"\x1b\]1337;File=inline=1;size=(\d+);preserveAspectRatio=1:(.*)\x07", text)
    assert match
    data = base64.b64decode(match[2])
    assert len(data) == int(match[1])
    assert Image.open(io.BytesIO(data)).size == PIXELS
