"""Damaged files: whatever bytes come in, a photo or a PhotoError comes out, and soon."""

import io
import random
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segmentation.errors import PhotoError
from segmentation.photo import decode_photo

# What Pillow says about damaged metadata; outside tests the module itself silences it.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def seeds() -> list[bytes]:
    """Twenty small valid files: every format, mode and kind of metadata that is read."""
    colour = Image.fromarray(np.random.default_rng(5).integers(0, 255, (24, 32, 3)).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a shelf"
    deep = Image.fromarray(np.arange(768, dtype=np.uint16).reshape(24, 32) * 80)
    later = {"save_all": True, "append_images": [colour.rotate(90)]}
    plans = [
        (colour, "JPEG", {}),
        (colour, "JPEG", {"progressive": True, "exif": exif}),
        (colour.convert("CMYK"), "JPEG", {}),
        (colour.convert("L"), "JPEG", {"icc_profile": b"nothing"}),
        (colour, "MPO", later),
        (colour, "PNG", {"exif": exif}),
        (colour.convert("P"), "PNG", {"transparency": 3}),
        (colour.convert("1"), "PNG", {}),
        (colour.convert("RGBA"), "PNG", {}),
        (deep, "PNG", {}),
        (colour, "PNG", later),
        (colour, "WEBP", {"lossless": True, "exif": exif}),
        (colour, "WEBP", later),
        (colour, "BMP", {}),
        (colour.convert("P"), "BMP", {}),
        (colour, "TIFF", {"compression": "tiff_lzw", "exif": exif}),
        (colour, "TIFF", {"compression": "tiff_adobe_deflate"}),
        (deep, "TIFF", {}),
        (colour.convert("CMYK"), "TIFF", {"compression": "packbits"}),
        (colour, "GIF", later),
    ]
    files = []
    for image, kind, options in plans:
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        files.append(buffer.getvalue())
    return files


def mutant(files: list[bytes], chance: random.Random) -> bytes:
    """One damaged file: bytes flipped, cut off, a piece of another file put in, or a piece repeated."""
    data = bytearray(chance.choice(files))
    spot = chance.randrange(len(data))
    match chance.randrange(5):
        case 0:
            for _ in range(chance.randint(1, 8)):
                data[chance.randrange(len(data))] = chance.randrange(256)
        case 1:
            header = min(len(data), 64)
            for _ in range(chance.randint(1, 4)):
                data[chance.randrange(header)] = chance.choice((0, 1, 127, 128, 255))
        case 2:
            del data[len(data) * chance.randrange(100) // 100 :]
        case 3:
            other = chance.choice(files)
            start = chance.randrange(len(other))
            data[spot : spot + chance.randrange(64)] = other[start : start + chance.randrange(1, 64)]
        case _:
            data[spot:spot] = data[spot : spot + chance.randrange(1, 200)] * chance.randint(1, 3)
    return bytes(data)


def survive(count: int, seed: int) -> Counter[str]:
    """Decode that many mutants; what became of them. Any exception but PhotoError ends the test."""
    files, chance, outcome = seeds(), random.Random(seed), Counter[str]()
    for _ in range(count):
        data = mutant(files, chance)
        started = time.monotonic()
        try:
            photo = decode_photo(data, "mutant")
        except PhotoError:
            outcome["refused"] += 1
        else:
            assert photo.pixels.dtype == np.uint8
            assert photo.pixels.ndim == 3
            assert photo.pixels.shape[2] == 3
            outcome["read"] += 1
        assert time.monotonic() - started < 5, "a damaged file must not hang the decoder"
    return outcome


def resident_megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def test_the_files_that_the_mutants_are_made_of_are_readable() -> None:
    for data in seeds():
        assert decode_photo(data, "seed").pixels.size > 0


def test_300_damaged_files_are_read_or_refused() -> None:
    outcome = survive(300, seed=1)
    # Both ends are reached, or the mutants would be too gentle or too rough to mean anything.
    assert outcome["read"] > 30
    assert outcome["refused"] > 30


@pytest.mark.slow
def test_10000_damaged_files_are_read_or_refused_in_flat_memory() -> None:
    survive(2_000, seed=2)
    settled = resident_megabytes()
    outcome = survive(10_000, seed=3)
    assert outcome["read"] > 1000
    assert outcome["refused"] > 1000
    assert resident_megabytes() - settled < 50
