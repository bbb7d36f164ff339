"""Image bytes become pixels here and nowhere else.

Read: JPEG (MPO: its first picture), PNG, WebP, BMP, TIFF, GIF; the first frame of what moves. The pixels are
upright (EXIF), 8-bit sRGB; 16 bits are scaled, CMYK is converted through its profile where it has one, what
is transparent is put on white and a warning says so. Size limits are checked on the header, before anything
is decoded (Pillow handbook, "Security": allow-list of formats, own size limit, bomb warning as error).
"""

import hashlib
import os
import stat
import warnings
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from segmentation.errors import PhotoError
from segmentation.printable import printable

Pixels = npt.NDArray[np.uint8]

MAX_BYTES = 64 * 1024 * 1024
# Below the 89 megapixels at which Pillow starts to warn; checked by us, so that a library that takes
# Pillow's limit away (it is a global) takes nothing away from us.
MAX_PIXELS = 80_000_000
MAX_SIDE = 30_000
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
# Without waiting: opening a pipe would block until somebody writes to it.
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
READABLE = "JPEG, PNG, WebP, BMP, TIFF or GIF"

warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
# Damaged metadata beside sound pixels: nothing that a reader of our output could act on.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True)
class Photo:
    """An upright photo. Equal photos have equal file bytes."""

    pixels: Pixels = field(repr=False, compare=False)  # (H, W, 3) RGB, read-only
    sha256: str  # of the file as it was given
    name: str = field(compare=False)  # a file name fit to be shown, never a path
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.pixels.shape[0])

    @property
    def id(self) -> str:
        """The name under which the photo is kept: the first 12 hex digits of its hash."""
        return self.sha256[:12]


def read_photo(path: str | os.PathLike[str]) -> Photo:
    """Read a photo from a regular file; never waits for a pipe, never reads a device.

    Raises:
        PhotoError: nothing there, no regular file, too large, or no readable photo.
    """
    name = file_name(os.fspath(path))
    try:
        _check_regular(Path(path).stat(), name)
        return photo_of_descriptor(os.open(path, OPEN_FLAGS), name)
    except FileNotFoundError:
        _refuse(name, "no such file")
    except ValueError:  # a NUL byte in the path
        _refuse(name, "not a path")
    except OSError as error:
        _refuse(name, (error.strerror or "cannot be read").lower())


def photo_of_descriptor(descriptor: int, name: str) -> Photo:
    """Read a photo from an open file descriptor, which is closed.

    Raises:
        PhotoError: no regular file, too large, or no readable photo.
    """
    with os.fdopen(descriptor, "rb") as file:
        # Looked at again although the path was: it may have become a pipe between the look and the opening.
        status = os.fstat(descriptor)
        _check_regular(status, name)
        if status.st_size > MAX_BYTES:
            _refuse(name, f"larger than {MAX_BYTES // 2**20} MB")
        data = file.read(MAX_BYTES + 1)
    return decode_photo(data, name)


def decode_photo(data: bytes, name: str) -> Photo:
    """Decode the bytes of an image file; `name` is what messages call it.

    Raises:
        PhotoError: empty, too large, of another format, or damaged.
    """
    name = file_name(name)
    if not data:
        _refuse(name, "the file is empty")
    if len(data) > MAX_BYTES:
        _refuse(name, f"larger than {MAX_BYTES // 2**20} MB")
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            _check_size(image, name)
            pixels, notes = _upright_rgb(image, name)
    except PhotoError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        _refuse(name, f"more than the {MAX_PIXELS // 10**6} megapixels that are read; make it smaller")
    except UnidentifiedImageError:
        _refuse(name, f"not a readable image; expected {READABLE}")
    except MemoryError:
        _refuse(name, "not enough memory to decode it")
    except Exception as error:  # decoders let through whatever their parsers stumble on
        _refuse(name, f"damaged or cut off ({printable(str(error), 80) or type(error).__name__})", error)
    pixels.setflags(write=False)
    return Photo(pixels, hashlib.sha256(data).hexdigest(), name, (*notes, *quality_warnings(pixels)))


def file_name(path: str) -> str:
    """The last part of a path (either slash), fit to be shown."""
    # Cleaned before it is split: an escape sequence may hold a slash.
    last = printable(path, len(path)).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return printable(last, 100) or "photo"


def quality_warnings(pixels: Pixels) -> tuple[str, ...]:
    """What makes a count on these pixels (H, W, 3) less certain.

    Measured on the grey picture, shrunk to 1000 px at its longest side so that the camera's resolution does
    not matter. Of 220 ordinary photos only those under 0.2 megapixels warn, of their size.
    """
    height, width = pixels.shape[:2]
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    scale = 1000 / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    # 99th percentile and not the variance: one sharp edge in a hundred pixels is enough to call it sharp.
    # Sharp photos measure 54 to 320; blurred with sigma 2 px they measure 5 to 21, with sigma 3 px 4 to 10.
    edges = np.percentile(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), 99)
    black, shade, light = np.percentile(grey, [5, 20, 90])
    found = []
    if height * width < 200_000:
        found.append(f"low resolution: {width} x {height} pixels")
    if edges < 20:
        found.append("blurry: few sharp edges")
    if light < 75:  # real photos: 142 and more
        found.append("dark: nine tenths of the photo are nearly black")
    # Real photos: shade up to 177; a pack on a white ground is brighter but has black print.
    if shade >= 190 and black >= 100:
        found.append("overexposed: four fifths of the photo are nearly white")
    return tuple(found)


def _check_regular(status: os.stat_result, name: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        _refuse(name, "a folder, not a photo; name a file in it")
    if not stat.S_ISREG(status.st_mode):
        _refuse(name, "not a regular file")


def _check_size(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        limits = f"{MAX_PIXELS // 10**6} megapixels and {MAX_SIDE} a side"
        _refuse(name, f"{width} x {height} pixels; at most {limits} are read")


def _upright_rgb(image: Image.Image, name: str) -> tuple[Pixels, tuple[str, ...]]:
    """The first frame as (H, W, 3) RGB, and what was done to it that a reader should know."""
    image.load()
    tags: dict[int, object] = dict(getattr(image, "tag_v2", {}))
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        grey = _scaled(np.asarray(image), tags)
        return np.repeat(grey[:, :, None], 3, axis=2), ()
    if image.mode in ("I", "F", "LAB", "HSV"):
        _refuse(name, f"pixel format {image.mode!r}; save it with 8 or 16 bits as RGB or grey")
    notes: tuple[str, ...] = ()
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema()[0] != 255:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            notes = ("transparent parts are shown on white",)
    return np.array(_srgb(image)), notes


def _scaled(values: npt.NDArray[np.uint16], tags: dict[int, object]) -> Pixels:
    """A 16-bit grey picture (H, W) in 8 bits; Pillow's own conversion clips at 255.

    `tags` are those of a TIFF: it may have used 12 of the 16 bits, or count from white to black.
    """
    bits, photometric = 258, 262
    top = 4095 if tags.get(bits) == (12,) else 65535
    grey = (values.astype(np.uint32) * 255 + top // 2) // top
    return (255 - grey if tags.get(photometric) == 0 else grey).astype(np.uint8)


def _srgb(image: Image.Image) -> Image.Image:
    """The picture in sRGB, through its colour profile where it carries a usable one."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass  # a damaged or foreign profile: the plain conversion is the next best
    return image.convert("RGB")


def _refuse(name: str, reason: str, cause: BaseException | None = None) -> NoReturn:
    raise PhotoError(f"{name}: {reason}") from cause
