import hashlib
import io
import os
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from segmentation import photo
from segmentation.errors import PhotoError
from segmentation.photo import decode_photo, file_name, quality_warnings, read_photo

ORIENTATION = 0x0112


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def quarters() -> Image.Image:
    """60 x 40: red top left, green top right, blue bottom left, white bottom right."""
    pixels = np.full((40, 60, 3), 255, np.uint8)
    pixels[:20, :30] = 255, 0, 0
    pixels[:20, 30:] = 0, 255, 0
    pixels[20:, :30] = 0, 0, 255
    return Image.fromarray(pixels)


def shelf(height: int = 600, width: int = 900) -> np.ndarray:
    """A sharp, well lit picture with print on it."""
    picture = np.full((height, width, 3), 150, np.uint8)
    for x in range(10, width - 60, 70):
        for y in range(10, height - 40, 50):
            cv2.rectangle(picture, (x, y), (x + 50, y + 36), (40 + x % 180, 90, 200 - y % 150), -1)
            cv2.putText(picture, "TEA", (x + 4, y + 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (250, 250, 250), 2)
    return picture


def corners(pixels: np.ndarray) -> list[str]:
    names = {(1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue", (1, 1, 1): "white"}
    last_row, last_column = pixels.shape[0] - 5, pixels.shape[1] - 5
    spots = [(5, 5), (5, last_column), (last_row, 5), (last_row, last_column)]
    return [names[tuple(int(value > 127) for value in pixels[spot])] for spot in spots]


def png_header(width: int, height: int) -> bytes:
    """A true one-bit PNG of that size; all black, so that it is small."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    row = b"\0" * (1 + (width + 7) // 8)
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP", "GIF", "JPEG"])
def test_every_accepted_format_gives_the_same_upright_rgb_pixels(kind: str) -> None:
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}.get(kind, {})
    data = encoded(quarters(), kind, **options)
    read = decode_photo(data, f"shelf.{kind.lower()}")
    assert read.pixels.shape == (40, 60, 3)
    assert read.pixels.dtype == np.uint8
    assert (read.width, read.height) == (60, 40)
    assert corners(read.pixels) == ["red", "green", "blue", "white"]
    assert read.sha256 == hashlib.sha256(data).hexdigest()
    assert read.id == read.sha256[:12]


def test_the_pixels_of_a_photo_cannot_be_changed() -> None:
    read = decode_photo(encoded(quarters(), "PNG"), "a.png")
    with pytest.raises(ValueError, match="read-only"):
        read.pixels[0, 0] = 0


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, ["red", "green", "blue", "white"]),
        (2, ["green", "red", "white", "blue"]),
        (3, ["white", "blue", "green", "red"]),
        (4, ["blue", "white", "red", "green"]),
        (5, ["red", "blue", "green", "white"]),
        (6, ["blue", "red", "white", "green"]),
        (7, ["white", "green", "blue", "red"]),
        (8, ["green", "white", "red", "blue"]),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied_once(kind: str, orientation: int, expected: list[str]) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    read = decode_photo(encoded(quarters(), kind, exif=exif), "turned")
    assert corners(read.pixels) == expected
    assert (read.width, read.height) == ((40, 60) if orientation > 4 else (60, 40))


def test_a_photo_taken_with_the_camera_held_in_any_way_gives_the_same_pixels() -> None:
    upright = Image.fromarray(shelf())
    held = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,  # the way back: 6 asks for a quarter turn to the right
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    for orientation, turn in held.items():
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        stored = upright if turn is None else upright.transpose(turn)
        read = decode_photo(encoded(stored, "PNG", exif=exif), "held.png")
        assert np.array_equal(read.pixels, np.asarray(upright)), orientation


def test_a_16_bit_ramp_keeps_256_levels() -> None:
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    for kind in ("PNG", "TIFF"):
        read = decode_photo(encoded(Image.fromarray(ramp), kind), "ramp")
        assert len(np.unique(read.pixels)) == 256
        assert read.pixels[0, 0].tolist() == [0, 0, 0]
        assert read.pixels[-1, -1].tolist() == [255, 255, 255]
        assert read.pixels[128, 0].tolist() == [128, 128, 128]


def test_a_16_bit_tiff_whose_zero_is_white_is_not_shown_as_a_negative() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[262] = 0
    data = encoded(Image.fromarray(np.zeros((8, 8), np.uint16)), "TIFF", tiffinfo=tags)
    assert Image.open(io.BytesIO(data)).tag_v2[262] == 0, "the file must say so for this test to mean anything"
    assert decode_photo(data, "a.tif").pixels.min() == 255


def test_cmyk_without_a_profile_is_converted_and_not_inverted() -> None:
    ink = Image.new("CMYK", (60, 40), (0, 255, 255, 0))
    for kind in ("JPEG", "TIFF"):
        red, green, blue = decode_photo(encoded(ink, kind), "ink").pixels[20, 30]
        assert red > 240
        assert green < 15
        assert blue < 15


def test_a_colour_profile_is_applied() -> None:
    # Hand-made: the sRGB profile with red and blue primaries exchanged, so a red pixel must come out blue.
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {}
    for index in range(struct.unpack(">I", profile[128:132])[0]):
        start = 132 + 12 * index
        tags[bytes(profile[start : start + 4])] = start
    red, blue = (slice(tags[name] + 4, tags[name] + 12) for name in (b"rXYZ", b"bXYZ"))
    profile[red], profile[blue] = profile[blue], profile[red]
    data = encoded(Image.new("RGB", (30, 30), (255, 0, 0)), "PNG", icc_profile=bytes(profile))
    pixel = decode_photo(data, "p3.png").pixels[10, 10]
    assert pixel[2] > 200
    assert pixel[0] < 60


def test_a_damaged_colour_profile_does_not_stop_the_photo() -> None:
    data = encoded(quarters(), "JPEG", icc_profile=b"no profile at all", quality=95)
    assert corners(decode_photo(data, "a.jpg").pixels) == ["red", "green", "blue", "white"]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_white_and_said_to_be(mode: str) -> None:
    image = Image.new(mode, (20, 20), (0,) * len(mode))
    read = decode_photo(encoded(image, "PNG"), "cut.png")
    assert read.pixels.min() == 255
    assert "transparent parts are shown on white" in read.warnings


def test_half_transparent_black_is_mid_grey() -> None:
    read = decode_photo(encoded(Image.new("RGBA", (9, 9), (0, 0, 0, 128)), "PNG"), "a.png")
    assert read.pixels[4, 4].tolist() == [127, 127, 127]


def test_an_opaque_alpha_channel_gives_no_warning() -> None:
    image = Image.fromarray(shelf()).convert("RGBA")
    assert decode_photo(encoded(image, "PNG"), "a.png").warnings == ()


def test_a_palette_with_a_transparent_colour_is_resolved() -> None:
    image = Image.new("P", (20, 20), 0)
    image.putpalette([200, 10, 10, 10, 10, 200])
    image.paste(1, (10, 0, 20, 20))
    read = decode_photo(encoded(image, "PNG", transparency=0), "p.png")
    assert read.pixels[5, 5].tolist() == [255, 255, 255]
    assert read.pixels[5, 15].tolist() == [10, 10, 200]


def test_one_bit_pictures_are_black_and_white() -> None:
    image = Image.new("1", (20, 20), 0)
    image.paste(1, (10, 0, 20, 20))
    read = decode_photo(encoded(image, "PNG"), "fax.png")
    assert read.pixels[5, 5].tolist() == [0, 0, 0]
    assert read.pixels[5, 15].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_of_an_animation_the_first_frame_is_read(kind: str) -> None:
    later = Image.new("RGB", (60, 40), (0, 0, 0))
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(quarters(), kind, save_all=True, append_images=[later, later], **options)
    assert Image.open(io.BytesIO(data)).n_frames >= 2
    assert corners(decode_photo(data, "moves").pixels) == ["red", "green", "blue", "white"]


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_very_thin_pictures_are_read(size: tuple[int, int]) -> None:
    read = decode_photo(encoded(Image.new("RGB", size, (9, 9, 9)), "PNG"), "thin.png")
    assert (read.width, read.height) == size


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")  # Pillow's, for the TIFF
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"x", "not a readable image"),
        (b"<html>no photo</html>" * 50, "not a readable image"),
        (b"\x89PNG\r\n\x1a\n", "not a readable image"),
        (b"II*\0\x08\0\0\0\0\0", "not a readable image"),
        (b"8BPS\0\x01" + bytes(100), "not a readable image"),  # Photoshop: a format that is not on the list
    ],
)
def test_bytes_that_are_no_photo_are_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(PhotoError, match=rf"^notes\.jpg: {reason}"):
        decode_photo(data, "notes.jpg")


@pytest.mark.parametrize("percent", [10, 50, 99])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
def test_a_truncated_photo_is_refused(kind: str, percent: int) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (90, 120, 3)).astype(np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(PhotoError, match=r"^cut: (damaged or cut off|not a readable image)"):
        decode_photo(data[: len(data) * percent // 100], "cut")


def test_a_file_ending_that_lies_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "really-a-tiff.png"
    path.write_bytes(encoded(quarters(), "TIFF"))
    assert corners(read_photo(path).pixels) == ["red", "green", "blue", "white"]


def test_grey_with_32_bits_is_refused_and_told_what_to_do() -> None:
    data = encoded(Image.fromarray(np.ones((5, 5), np.float32)), "TIFF")
    with pytest.raises(PhotoError, match="save it with 8 or 16 bits"):
        decode_photo(data, "depth.tif")


def test_a_huge_png_is_refused_from_its_header_in_little_time_and_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(png_header(30_000, 30_000))
    script = """
import resource, sys, time
from segmentation.errors import PhotoError
from segmentation.photo import read_photo
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
try:
    read_photo(sys.argv[1])
except PhotoError as error:
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(time.perf_counter() - start, grown / 1024, error, sep="|")
"""
    out = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    seconds, megabytes, message = out.stdout.strip().split("|")
    assert float(seconds) < 1
    assert float(megabytes) < 50
    assert message == "huge.png: more than the 80 megapixels that are read; make it smaller"


@pytest.mark.parametrize("size", [(9000, 9000), (65_000, 1), (1, 65_000)])
def test_sizes_over_our_own_limits_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(PhotoError, match=r"at most 80 megapixels and 30000 a side"):
        decode_photo(png_header(*size), "large.png")


def test_our_limit_holds_when_another_library_has_taken_pillows_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(PhotoError, match="30000 x 30000 pixels; at most 80 megapixels"):
        decode_photo(png_header(30_000, 30_000), "huge.png")


def test_a_png_with_a_text_bomb_is_refused() -> None:
    data = encoded(quarters(), "PNG")
    body = b"note\0\0" + zlib.compress(bytes(80 * 2**20), 9)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    with pytest.raises(PhotoError, match="damaged or cut off"):
        decode_photo(data[:33] + chunk + data[33:], "text.png")


def test_ten_thousand_texts_or_frames_beside_the_picture_cost_no_time() -> None:
    body = b"note\0x"
    chunk = struct.pack(">I", len(body)) + b"tEXt" + body + struct.pack(">I", zlib.crc32(b"tEXt" + body))
    data = encoded(quarters(), "PNG")
    still = encoded(Image.new("L", (8, 8)), "GIF")
    palette_ends = 13 + 3 * 2 ** ((still[10] & 7) + 1)
    moves = still[:-1] + 9_999 * still[palette_ends:-1] + still[-1:]
    assert Image.open(io.BytesIO(moves)).n_frames == 10_000
    started = time.process_time()
    texts = decode_photo(data[:33] + 10_000 * chunk + data[33:], "texts.png")
    decode_photo(moves, "frames.gif")
    assert time.process_time() - started < 1
    assert corners(texts.pixels) == ["red", "green", "blue", "white"]


def test_too_many_bytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "long.bmp"
    with path.open("wb") as file:
        file.truncate(photo.MAX_BYTES + 1)
    with pytest.raises(PhotoError, match=r"^long\.bmp: larger than 64 MB$"):
        read_photo(path)
    with pytest.raises(PhotoError, match="larger than 64 MB"):
        decode_photo(bytes(photo.MAX_BYTES + 1), "long.bmp")


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    (tmp_path / "link.jpg").symlink_to("/dev/zero")
    cases = {
        tmp_path / "none.jpg": "no such file",
        tmp_path: "a folder, not a photo",
        pipe: "not a regular file",
        tmp_path / "link.jpg": "not a regular file",
        Path("/dev/zero"): "not a regular file",
        Path("nul\0byte.jpg"): "not a path",
        tmp_path / ("x" * 300): "file name too long",
    }
    for path, reason in cases.items():
        with pytest.raises(PhotoError, match=reason) as caught:
            read_photo(path)
        assert "\n" not in str(caught.value)
        assert str(tmp_path) not in str(caught.value)


def test_names_are_shown_without_folders_and_without_control_characters() -> None:
    assert file_name("/srv/private/shelf 1.jpg") == "shelf 1.jpg"
    assert file_name("C:\\photos\\shelf.jpg") == "shelf.jpg"
    assert file_name("\x1b[31mred\x1b[0m\x1b]8;;http://x\x07link\x1b]8;;\x07\n.jpg") == "redlink .jpg"
    assert file_name("a\u202egpj.exe\U000e0041") == "agpj.exe"
    assert file_name("\udcff.jpg") == ".jpg"
    assert file_name("") == "photo"
    assert len(file_name("y" * 5000)) == 100


def test_an_ordinary_picture_gives_no_warning() -> None:
    assert quality_warnings(shelf()) == ()


@pytest.mark.parametrize(
    ("pixels", "warning"),
    [
        (cv2.GaussianBlur(shelf(), (0, 0), 4), "blurry"),
        ((shelf() * 0.2).astype(np.uint8), "dark"),
        (np.clip(shelf() * 0.4 + 170, 0, 255).astype(np.uint8), "overexposed"),
        (shelf(300, 400), "low resolution: 400 x 300 pixels"),
    ],
)
def test_what_makes_a_count_less_certain_is_said(pixels: np.ndarray, warning: str) -> None:
    assert any(found.startswith(warning) for found in quality_warnings(pixels))
