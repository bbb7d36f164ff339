"""What is printed on a pack: bands, pictures, words, in the two colours of the product."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.training.emblems import draw_emblem
from segmentation.training.products import Product

Image = NDArray[np.uint8]
RGBLike = tuple[int, ...]

_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
    cv2.FONT_HERSHEY_COMPLEX_SMALL,
)
# Packs of unnamed contents show one of these, or nothing; named contents have emblems of their own.
_PICTURES = ("drop", "blocks", "badge")


@lru_cache(maxsize=2048)
def word_mask(text: str, font: int, height: int) -> Image:
    """The word as coverage 0..255, shape (about height, width), tight on its ink."""
    scale, thick = height / 24.0, max(1, round(height / 9))
    (w, h), base = cv2.getTextSize(text, _FONTS[font], scale, thick)
    canvas = np.zeros((h + base + 2 * thick + 4, w + 2 * thick + 4), np.uint8)
    cv2.putText(canvas, text, (thick + 2, h + thick), _FONTS[font], scale, 255, thick, cv2.LINE_AA)
    ink = np.argwhere(canvas > 40)
    if not len(ink):
        return np.zeros((2, 2), np.uint8)
    (y0, x0), (y1, x1) = ink.min(0), ink.max(0) + 1
    return canvas[y0:y1, x0:x1]


def _blend(canvas: Image, mask: Image, x: float, y: float, w: float, h: float, colour: tuple[int, ...]) -> None:
    """Paint the mask, resized to (w, h) and centred on (x, y), in a colour."""
    wi, hi = max(1, round(w)), max(1, round(h))
    x0, y0 = round(x - wi / 2), round(y - hi / 2)
    cx0, cy0, cx1, cy1 = max(0, x0), max(0, y0), min(canvas.shape[1], x0 + wi), min(canvas.shape[0], y0 + hi)
    if cx1 <= cx0 or cy1 <= cy0:
        return
    small = cv2.resize(mask, (wi, hi), interpolation=cv2.INTER_AREA)
    alpha = small[cy0 - y0 : cy1 - y0, cx0 - x0 : cx1 - x0, None].astype(np.float32) / 255.0
    region = canvas[cy0:cy1, cx0:cx1]
    region[:] = (region * (1 - alpha) + np.array(colour, np.float32) * alpha).astype(np.uint8)


def contrast(colour: tuple[int, ...]) -> tuple[int, int, int]:
    """Ink that can be read on the colour."""
    return (20, 20, 25) if 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] > 135 else (245, 245, 240)


def print_word(canvas: Image, text: str, box: tuple[float, float, float, float], font: int, ink: RGBLike) -> None:
    """Print a word inside (x, y, width, height), keeping its proportions. Changes the canvas."""
    if not text:
        return
    x, y, w, h = box
    mask = word_mask(text, font, int(min(max(16, 1.2 * h), 160)))
    scale = min(w / mask.shape[1], h / mask.shape[0])
    _blend(canvas, mask, x + w / 2, y + h / 2, mask.shape[1] * scale, mask.shape[0] * scale, ink)


def _picture(canvas: Image, name: str, rng: np.random.Generator, cx: int, cy: int, r: int, ink: RGBLike) -> None:
    if r < 2:
        return
    second = tuple(int(c) for c in rng.integers(0, 256, 3))
    line = cv2.LINE_AA
    if name == "drop":
        cv2.circle(canvas, (cx, cy + r // 3), max(1, int(r * 0.6)), second, -1, line)
        cv2.fillConvexPoly(
            canvas,
            np.array([[cx - r // 2, cy + r // 6], [cx, cy - r], [cx + r // 2, cy + r // 6]]),
            second,
            line,
        )
    elif name == "blocks":
        for i in range(3):
            x, y = cx + int(rng.integers(-r, r + 1)) // 2, cy + int(rng.integers(-r, r + 1)) // 2
            cv2.rectangle(
                canvas,
                (x - r // 2, y - r // 3),
                (x + r // 2, y + r // 3),
                tuple(max(0, c - 25 * i) for c in second),
                -1,
            )
    else:
        cv2.ellipse(canvas, (cx, cy), (r, int(r * rng.uniform(0.6, 1.0)) + 1), 0, 0, 360, second, -1, line)
        axes = max(1, int(r * 0.8)), max(1, int(r * 0.6))
        cv2.ellipse(canvas, (cx, cy), axes, 0, 0, 360, ink, max(1, r // 10), line)


def _clutter(canvas: Image, rng: np.random.Generator) -> None:
    """Spots and shreds of any colour: real print is busy. Changes the canvas."""
    height, width = canvas.shape[:2]
    for _ in range(int(rng.integers(3, 10))):
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        at = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (max(1, int(width * rng.uniform(0.03, 0.16))), max(1, int(height * rng.uniform(0.02, 0.09))))
        if rng.random() < 0.5:
            cv2.ellipse(canvas, at, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(canvas, (at[0] - axes[0], at[1] - axes[1]), (at[0] + axes[0], at[1] + axes[1]), colour, -1)


def _part(photo: Image, width: int, height: int, rng: np.random.Generator) -> Image:
    """A part of a photo, of any proportions, drawn to a size."""
    size = np.array(photo.shape[:2]) * rng.uniform(0.3, 1.0)
    rows, columns = (max(2, round(float(side))) for side in size)
    top, left = (
        int(rng.integers(0, limit - side + 1)) for limit, side in zip(photo.shape, (rows, columns), strict=False)
    )
    part = photo[top : top + rows, left : left + columns]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _photo(canvas: Image, photo: Image, rng: np.random.Generator) -> None:
    """Print a part of a photo on less than half of the canvas, so that its ground stays the colour of most of it."""
    height, width = canvas.shape[:2]
    w, h = max(2, int(width * rng.uniform(0.5, 1.0))), max(2, int(height * rng.uniform(0.2, 0.45)))
    x, y = int((width - w) * rng.uniform(0, 1)), int((height - h) * rng.uniform(0.3, 1))
    part = _part(photo, w, h, rng)
    place = canvas[y : y + h, x : x + w]
    if rng.random() < 0.4:
        mask = np.zeros((h, w), np.uint8)
        cv2.ellipse(mask, (w // 2, h // 2), (max(1, w // 2), max(1, h // 2)), 0, 0, 360, 255, -1)
        place[mask > 0] = part[mask > 0]
    else:
        place[:] = part


def draw_artwork(
    product: Product, width: int, height: int, ground: RGBLike, second: RGBLike, photo: Image | None = None
) -> Image:
    """The print of a product on a flat ground.

    Args:
        product: Gives words, contents and the seed of every free choice.
        width: Pixels.
        height: Pixels.
        ground: Colour of most of the surface.
        second: Colour of bands and blobs.
        photo: Printed instead of a drawn picture.

    Returns:
        uint8 (height, width, 3), RGB.
    """
    rng = np.random.default_rng(product.seed ^ 0x5EED)
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = ground
    style = int(rng.integers(7))
    a, b = sorted(rng.uniform(0.1, 0.95, 2))
    if style == 0:  # band
        canvas[int(a * height) : int(min(b, a + 0.3) * height) + 1] = second
    elif style == 1:  # disc behind the brand
        cv2.ellipse(
            canvas,
            (width // 2, int(height * 0.4)),
            (int(width * 0.42) + 1, int(height * 0.2) + 1),
            0,
            0,
            360,
            second,
            -1,
            cv2.LINE_AA,
        )
    elif style == 2:  # lower third
        canvas[int((0.62 + 0.25 * a) * height) :] = second
    elif style == 3:  # diagonal
        points = np.array(
            [
                [0, int(a * height)],
                [width, int((a + 0.2) * height)],
                [width, int((a + 0.4) * height)],
                [0, int((a + 0.25) * height)],
            ]
        )
        cv2.fillConvexPoly(canvas, points, second, cv2.LINE_AA)
    elif style == 4:  # gradient to a darker tone of its own
        fade = np.linspace(1.08, rng.uniform(0.65, 0.9), height, dtype=np.float32)[:, None, None]
        canvas[:] = np.clip(canvas * fade, 0, 255)
    elif style == 5:  # stripes
        step = max(2, int(width * rng.uniform(0.12, 0.3)))
        for x in range(0, width, 2 * step):
            canvas[int(0.75 * height) :, x : x + step] = second
    if rng.random() < 0.35:
        _clutter(canvas, rng)
    ink = contrast(ground) if rng.random() < 0.6 else second
    font, small = (int(f) for f in rng.integers(0, len(_FONTS), 2))
    reach = min(width, height) * float(rng.uniform(0.2, 0.36))
    middle = width * float(rng.uniform(0.3, 0.7)), height * float(rng.uniform(0.58, 0.8))
    if photo is not None:
        chance = np.random.default_rng(product.seed ^ 0xF0705)
        if product.wrapped:
            canvas[:] = _part(photo, width, height, chance)
        else:
            _photo(canvas, photo, chance)
    shown = rng.random()
    if product.contents is not None and shown < (0.85 if photo is None else 0.4):
        draw_emblem(canvas, product.contents, middle, reach, rng)
    elif photo is None and shown < 0.7:
        name = str(rng.choice(_PICTURES))
        _picture(canvas, name, rng, round(middle[0]), round(middle[1]), round(0.7 * reach), second)
    top = float(rng.uniform(0.1, 0.35))
    if rng.random() < 0.3 and height > 1.3 * width:  # the word runs upwards
        turned = np.ascontiguousarray(np.rot90(canvas))
        print_word(turned, product.brand, (0.15 * height, 0.25 * width, 0.6 * height, 0.5 * width), font, ink)
        canvas = np.ascontiguousarray(np.rot90(turned, -1))
    else:
        print_word(canvas, product.brand, (0.07 * width, top * height, 0.86 * width, 0.2 * height), font, ink)
    print_word(canvas, product.word, (0.1 * width, (top + 0.22) * height, 0.8 * width, 0.11 * height), small, ink)
    for i in range(int(rng.integers(0, 4))):  # small print
        y = int((0.84 + 0.04 * i) * height)
        x0, x1 = sorted(rng.uniform(0.1, 0.9, 2))
        canvas[y : y + max(1, height // 70), int(x0 * width) : int(x1 * width)] = ink
    return canvas
