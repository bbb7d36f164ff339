"""Drawing a layout: pixels and exact truth at any size."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.training.artwork import print_word
from segmentation.training.camera import develop, view
from segmentation.training.cutouts import MIXTURE, Cutouts, Mixture, load_cutouts
from segmentation.training.layout import Item, Layout, draw_layout
from segmentation.training.packs import Sprite, draw_pack
from segmentation.training.products import Product

Image = NDArray[np.uint8]
Labels = NDArray[np.int16]

_MARGIN = 0.08  # drawn beyond each edge, so that perspective has something to show


@dataclass(frozen=True)
class Scene:
    """A rendered photo with its truth.

    Attributes:
        image: uint8 RGB, shape (height, width, 3).
        labels: int16, shape (height, width); 0 is background, i + 1 is item i.
        items: What the labels stand for.
        products: What the items' product indices stand for.
    """

    image: Image
    labels: Labels
    items: tuple[Item, ...]
    products: tuple[Product, ...]

    def areas(self) -> NDArray[np.int64]:
        """Visible pixels of every item, shape (items,)."""
        return np.bincount(self.labels.ravel(), minlength=len(self.items) + 1)[1:]


def _backdrop(
    rng: np.random.Generator, layout: Layout, cutouts: Cutouts, width: int, height: int, clutter: float
) -> Image:
    canvas = np.empty((height, width, 3), np.uint8)
    chance = np.random.default_rng((layout.seed, 3))
    if cutouts.clutter and chance.random() < clutter:
        return _square(chance, cutouts.clutter, width, height)
    if layout.style == "catalogue":
        canvas[:] = rng.integers(225, 256, 3) if rng.random() < 0.7 else rng.integers(60, 256, 3)
        return canvas
    kind = rng.random()
    if cutouts.shelves and kind < 0.22:
        return _square(rng, cutouts.shelves, width, height)
    tone = rng.uniform(20, 90) if kind < 0.5 else rng.uniform(90, 245)
    canvas[:] = np.clip(tone + rng.normal(0, 12, 3), 0, 255)
    if kind > 0.9:
        canvas[:] = rng.integers(0, 256, 3)
    coarse = np.clip(rng.normal(1, 0.1, (4, 4, 1)), 0.5, 1.5).astype(np.float32)
    out: Any = canvas * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    if kind > 0.75:  # perforated or slatted back wall
        step = max(3, int(height * rng.uniform(0.015, 0.05)))
        if rng.random() < 0.5:
            out[::step] *= 0.8
        else:
            out[::step, ::step] *= 0.6
    return np.asarray(np.clip(out, 0, 255), np.uint8)


def _square(rng: np.random.Generator, photos: tuple[Image, ...], width: int, height: int) -> Image:
    """A square of one of some photos, (height, width, 3)."""
    photo = photos[int(rng.integers(len(photos)))]
    h, w = photo.shape[:2]
    side = int(min(h, w) * rng.uniform(0.5, 1.0))
    y, x = int(rng.integers(0, h - side + 1)), int(rng.integers(0, w - side + 1))
    return np.asarray(cv2.resize(photo[y : y + side, x : x + side], (width, height)), np.uint8)


def _boards(rng: np.random.Generator, layout: Layout, canvas: Image, labels: Labels, scale: float, pad: float) -> None:
    """Shade below each board and the board itself. Changes the canvas."""
    metal = np.clip(rng.uniform(120, 240) + rng.normal(0, 10, 3), 0, 255)
    if rng.random() < 0.2:
        metal = np.array([rng.uniform(90, 180), rng.uniform(60, 120), rng.uniform(30, 70)])  # wood
    edge = metal if rng.random() < 0.6 else rng.integers(0, 256, 3)  # coloured rail
    shade, reach = float(rng.uniform(0.35, 0.85)), float(rng.uniform(0.04, 0.12))
    for upper, lower in layout.boards:
        y0, y1 = (min(canvas.shape[0], max(0, round((y + pad) * scale))) for y in (upper, lower))
        y2 = min(canvas.shape[0], y1 + round(reach * scale))
        if y2 > y1:
            fade = np.linspace(shade, 1.0, y2 - y1, dtype=np.float32)[:, None, None]
            canvas[y1:y2] = (canvas[y1:y2] * fade).astype(np.uint8)
        if y1 > y0:
            bevel = np.linspace(1.06, 0.88, y1 - y0, dtype=np.float32)[:, None, None]
            canvas[y0:y1] = np.clip(edge * bevel, 0, 255).astype(np.uint8)
            lip = max(1, (y1 - y0) // 7)
            canvas[y0 : y0 + lip] = metal.astype(np.uint8)


def _paste(canvas: Image, labels: Labels, sprite: Sprite, x: int, y: int, label: int) -> None:
    h, w = sprite.shape[:2]
    x0, y0, x1, y1 = max(0, x), max(0, y), min(canvas.shape[1], x + w), min(canvas.shape[0], y + h)
    if x1 <= x0 or y1 <= y0:
        return
    part = sprite[y0 - y : y1 - y, x0 - x : x1 - x]
    alpha = part[..., 3:].astype(np.uint16)
    at = canvas[y0:y1, x0:x1]
    at[:] = ((at * (255 - alpha) + part[..., :3] * alpha) // 255).astype(np.uint8)
    labels[y0:y1, x0:x1][part[..., 3] > 127] = label


def _turned(sprite: Sprite, degrees: float) -> Sprite:
    if degrees == 90.0:
        return np.ascontiguousarray(np.rot90(sprite))
    h, w = sprite.shape[:2]
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1.0)
    wide = int(h * abs(matrix[0, 1]) + w * abs(matrix[0, 0])) + 2
    high = int(h * abs(matrix[0, 0]) + w * abs(matrix[0, 1])) + 2
    matrix[:, 2] += (wide - w) / 2, (high - h) / 2
    return np.asarray(cv2.warpAffine(sprite, matrix, (wide, high), flags=cv2.INTER_LINEAR), np.uint8)


def _tag(rng: np.random.Generator, width: int, height: int, sign: bool) -> Sprite:
    """A price tag or a promotion sign."""
    width, height = max(3, width), max(3, height)
    ground = [(250, 250, 245), (255, 225, 60), (245, 245, 245), (235, 40, 40), (255, 255, 255)][
        int(rng.integers(3, 5))
        if sign and rng.random() < 0.8
        else int(rng.choice([0, 0, 1, 2, 3], p=[0.3, 0.3, 0.25, 0.1, 0.05]))
    ]
    plate = np.empty((height, width, 3), np.uint8)
    plate[:] = ground
    ink = (250, 250, 240) if ground[1] < 80 else ((200, 20, 30) if rng.random() < 0.3 else (25, 25, 30))
    if sign:
        text = str(rng.choice(["SALE", "2 FOR 1", "-30%", "OFFER", "NEW", "SAVE"]))
        print_word(plate, text, (0.1 * width, 0.2 * height, 0.8 * width, 0.6 * height), 1, ink)
    elif height >= 5:
        price = f"{int(rng.integers(0, 20))}.{int(rng.integers(10, 99))}"
        print_word(plate, price, (0.3 * width, 0.2 * height, 0.65 * width, 0.6 * height), 1, ink)
        plate[int(0.25 * height) : int(0.35 * height) + 1, int(0.06 * width) : int(0.26 * width)] = (
            90,
            90,
            90,
        )
        if rng.random() < 0.5:
            plate[int(0.6 * height) : int(0.8 * height), int(0.06 * width) : int(0.24 * width) : 2] = (
                20,
                20,
                20,
            )
    return np.dstack([plate, np.full((height, width), 255, np.uint8)])


def _facing(
    layout: Layout,
    cutouts: Cutouts,
    item: Item,
    size: tuple[int, int],
    drawn: dict[tuple[int, int], Sprite],
) -> Sprite:
    """One facing, upright, in its own light. Remembers what was drawn."""
    master = drawn.get((item.product, size[1]))
    if master is None:
        product = layout.products[item.product]
        near = next((s for (p, _), s in drawn.items() if p == item.product), None)
        if product.cutout is not None:
            near = cutouts.drawing(product)
        # Facings of a product differ by a pixel or two: scaling the first is four times as fast.
        if near is None or (product.cutout is None and abs(near.shape[0] - size[1]) >= 0.12 * near.shape[0]):
            photo = None if product.photo is None else cutouts.photos[product.photo]
            master = draw_pack(product, *size, photo)
        else:
            master = np.asarray(cv2.resize(near, size, interpolation=cv2.INTER_AREA), np.uint8)
        drawn[(item.product, size[1])] = master
    if item.light == 1.0:
        return master
    lit = np.array(cv2.convertScaleAbs(master, alpha=item.light), np.uint8)
    lit[..., 3] = master[..., 3]
    return lit


def draw_scene(layout: Layout, cutouts: Cutouts, height: int, *, camera: bool = True, clutter: float = 0.0) -> Scene:
    """Draw a layout.

    Args:
        layout: What stands where.
        cutouts: The same as the layout was composed with.
        height: Pixels; the width follows from the layout's aspect.
        camera: False leaves out perspective, blur, noise and the rest.
        clutter: Share of scenes with a photo of loose goods behind the packs, where there are such photos.
    """
    rng = np.random.default_rng(layout.seed ^ 0xCA3E7A)
    look_seed, camera_seed = (int(s) for s in rng.integers(2**31, size=2))
    rng = np.random.default_rng(look_seed)
    scale, pad = float(height), _MARGIN
    full = (round((layout.aspect + 2 * pad) * scale), round((1 + 2 * pad) * scale))
    canvas = _backdrop(rng, layout, cutouts, *full, clutter)
    labels: Labels = np.zeros((full[1], full[0]), np.int16)
    _boards(rng, layout, canvas, labels, scale, pad)
    drawn: dict[tuple[int, int], Sprite] = {}
    for number, item in enumerate(layout.items):
        x0, y0, x1, y1 = ((v + pad) * scale for v in item.box)
        x, y, w, h = round(x0), round(y0), max(3, round(x1) - round(x0)), max(3, round(y1) - round(y0))
        if item.thing == "empty shelf space":
            labels[max(0, y) : y + h, max(0, x) : max(0, x + w)] = number + 1
            continue
        if item.thing in {"price tag", "promotion sign"}:
            sprite = _tag(np.random.default_rng((layout.seed, number)), w, h, item.thing == "promotion sign")
        else:
            sprite = _facing(layout, cutouts, item, (h, w) if item.turn == 90.0 else (w, h), drawn)
        if item.turn:
            before = sprite.shape
            sprite = _turned(sprite, item.turn)
            if item.turn != 90.0:
                x, y = x - (sprite.shape[1] - before[1]) // 2, y - (sprite.shape[0] - before[0]) // 2
        if item.thing == "pack" and layout.style == "shelf" and not item.turn:
            _cast_shadow(canvas, x, y, sprite.shape[1], sprite.shape[0])
        _paste(canvas, labels, sprite, x, y, number + 1)
    target = (round(layout.aspect * scale), height)
    if not camera:
        p = round(pad * scale)
        cut = slice(p, p + target[1]), slice(p, p + target[0])
        return Scene(canvas[cut], labels[cut], layout.items, layout.products)
    rng = np.random.default_rng(camera_seed)
    image, labels = view(canvas, labels, target, pad * scale, rng)
    return Scene(develop(image, rng), labels, layout.items, layout.products)


def _cast_shadow(canvas: Image, x: int, y: int, w: int, h: int) -> None:
    """A thin dark line at the right of a pack, as the next one would show."""
    edge = max(1, w // 24)
    x0, x1 = max(0, x + w - edge // 2), min(canvas.shape[1], x + w + edge)
    y0, y1 = max(0, y + h // 2), min(canvas.shape[0], y + h)
    if x1 > x0 and y1 > y0:
        canvas[y0:y1, x0:x1] = (canvas[y0:y1, x0:x1] * 0.7).astype(np.uint8)


def render(
    seed: int,
    height: int,
    *,
    data: Path | None = None,
    aspect: float = 1.0,
    held_out: bool = False,
    camera: bool = True,
    most_rows: int = 6,
    mixture: Mixture = MIXTURE,
) -> Scene:
    """Compose and draw a scene from its seed.

    Args:
        seed: The scene.
        height: Pixels.
        data: Folder with real cut-outs and empty shelves, or None.
        aspect: Width over height.
        held_out: Put a product of the pairs in that training never sees.
        camera: False leaves out perspective, blur, noise and the rest.
        most_rows: No more shelves than this, 1..6.
        mixture: How much of it is real.
    """
    cutouts = load_cutouts(data)
    layout = draw_layout(seed, cutouts, aspect=aspect, held_out=held_out, most_rows=most_rows, mixture=mixture)
    return draw_scene(layout, cutouts, height, camera=camera, clutter=mixture.clutter)
