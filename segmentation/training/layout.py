"""Where everything stands: a shelf in unit coordinates, free of pixels."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from segmentation.training.cutouts import MIXTURE, Cutouts, Mixture
from segmentation.training.products import Product, invent_product, vary

_PHOTOS = 0.4  # share of drawn products that show a photo, where there are photos
_ROWS = np.array([0.22, 0.3, 0.22, 0.14, 0.08, 0.04])  # share of scenes with 1, 2, ... shelves

Thing = Literal["pack", "behind", "price tag", "promotion sign", "empty shelf space", "shelf"]


@dataclass(frozen=True)
class Item:
    """One thing in the scene. Units: the height of the picture is 1.

    Attributes:
        thing: What it is; "behind" is a pack of the second row, seen over or between the front ones.
        product: Index into the scene's products, -1 for what is no pack.
        row: Shelf counted from the top, from 0.
        box: x0, y0, x1, y1 before perspective.
        turn: Degrees, positive turns against the clock.
        light: Brightness factor.
    """

    thing: Thing
    product: int
    row: int
    box: tuple[float, float, float, float]
    turn: float = 0.0
    light: float = 1.0


@dataclass(frozen=True)
class Layout:
    """A whole scene before drawing. Items are in drawing order, far to near."""

    seed: int
    aspect: float
    style: Literal["shelf", "catalogue", "pile"]
    products: tuple[Product, ...]
    items: tuple[Item, ...]
    boards: tuple[tuple[float, float], ...] = field(default=())  # y of the upper and lower edge of each board


def _assortment(rng: np.random.Generator, cutouts: Cutouts, held_out: bool, mixture: Mixture) -> list[Product]:
    """Products of one scene: a few that differ, and near misses of them."""
    size = int(rng.integers(1, 8))
    theme_kind = str(rng.choice(["bottle", "can", "bag", "box", "jar", "carton"])) if rng.random() < 0.35 else None
    products: list[Product] = []
    for _ in range(size):
        if products and rng.random() < 0.35:
            products.append(vary(products[int(rng.integers(len(products)))], rng))
        elif cutouts.packs and rng.random() < mixture.real:
            products.append(cutouts.product(int(rng.integers(len(cutouts.packs))), rng, mixture.tints))
        else:
            product = invent_product(rng, kind=theme_kind)
            if cutouts.photos and rng.random() < _PHOTOS:
                product = replace(product, photo=int(rng.integers(len(cutouts.photos))))
                if mixture.wraps and rng.random() < mixture.wraps:
                    product = replace(product, wrapped=True, colour=None, contents=None)
            products.append(product)
    if held_out:
        products[0] = invent_product(rng, held_out=True)
        if rng.random() < 0.6:
            products.append(vary(products[0], rng))
    return products


def _fill_row(
    rng: np.random.Generator,
    products: list[Product],
    row: int,
    span: tuple[float, float],
    ceiling: float,
    floor: float,
    tightness: float,
) -> list[Item]:
    """Packs from left to right on one board, with what stands behind them and the holes between."""
    behind: list[Item] = []
    front: list[Item] = []
    room = floor - ceiling
    x = span[0] + float(rng.uniform(-0.1, 0.1)) * room
    base = float(rng.uniform(0.68, 0.94))
    while x < span[1]:
        index = int(rng.integers(len(products)))
        product = products[index]
        height = room * float(np.clip(base + rng.normal(0, 0.08), 0.35, 0.95))
        if product.kind in {"can", "tub", "jar"} or product.aspect > 1.0:
            height *= float(rng.uniform(0.55, 0.97))
        width = height * product.aspect
        if width > 0.9 * (span[1] - span[0]):
            height, width = height * 0.5, width * 0.5
        stack = 1
        if product.kind in {"can", "tub", "box", "jar", "multipack"} and rng.random() < 0.4:
            stack = max(1, min(3, int(0.97 * room / height)))
        faces = int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.25, 0.25, 0.2, 0.14, 0.1, 0.06]))
        pitch = width * (1 + (rng.uniform(-0.03, 0.015) if rng.random() < tightness else rng.uniform(0.015, 0.2)))
        deep = rng.random() < 0.35
        for face in range(faces):
            if x > span[1]:
                break
            if rng.random() < 0.05 and face:  # one was bought
                x += pitch
                continue
            wobble = float(rng.normal(0, 0.012)) * width
            for level in range(stack):
                if level and rng.random() < 0.15:
                    break
                y1 = floor - level * height * 0.985
                shape = height * float(rng.uniform(0.985, 1.015))
                turn = float(rng.normal(0, 1.2)) if rng.random() < 0.3 else 0.0
                light = float(rng.normal(1.0, 0.035))
                box = (x + wobble, y1 - shape, x + wobble + width, y1)
                if rng.random() < 0.025 and level == 0:
                    turn = float(rng.choice([-1, 1])) * float(rng.uniform(8, 18))
                elif rng.random() < 0.012 and level == 0 and product.aspect < 0.9:  # lies on its side
                    box, turn = (x, floor - width, x + height, floor), 90.0
                front.append(Item("pack", index, row, box, turn, light))
            if deep:
                up = float(rng.uniform(0.02, 0.09)) * height
                shift = float(rng.normal(0, 0.08)) * width
                back = (x + shift, floor - up - height * 0.96, x + shift + 0.96 * width, floor - up)
                behind.append(Item("behind", index, row, back, 0.0, float(rng.uniform(0.4, 0.75))))
            x += pitch if front[-1].turn != 90.0 else height
        if rng.random() < 0.11:
            gap = max(width, 0.25 * room) * float(rng.uniform(0.8, 2.2))
            behind.insert(0, Item("empty shelf space", -1, row, (x, floor - min(height, room), x + gap, floor)))
            x += gap
        else:
            x += width * float(rng.uniform(-0.01, 0.12))
    return behind + front


def _rail(rng: np.random.Generator, row: int, y: float, height: float, width: float) -> list[Item]:
    """Price tags along the edge of a board, now and then a sign hanging from it."""
    items: list[Item] = []
    step = float(rng.uniform(0.12, 0.4))
    tall = height * float(rng.uniform(0.65, 1.3))
    wide = tall * float(rng.uniform(1.2, 2.2))
    x = float(rng.uniform(-0.1, step))
    while x < width:
        if rng.random() < 0.75:
            y0 = y + (height - tall) / 2
            items.append(Item("price tag", -1, row, (x, y0, x + wide, y0 + tall), float(rng.normal(0, 0.8))))
        x += wide + step * float(rng.uniform(0.3, 1.6))
    if rng.random() < 0.12:
        side = float(rng.uniform(0.08, 0.22))
        x = float(rng.uniform(0, width - side))
        y0 = y - float(rng.uniform(-0.3, 0.8)) * side
        items.append(Item("promotion sign", -1, row, (x, y0, x + side * float(rng.uniform(0.7, 1.6)), y0 + side * 0.7)))
    return items


def draw_layout(
    seed: int,
    cutouts: Cutouts,
    *,
    aspect: float = 1.0,
    held_out: bool = False,
    most_rows: int = 6,
    mixture: Mixture = MIXTURE,
) -> Layout:
    """Compose a scene.

    Args:
        seed: The scene; the same seed gives the same scene at every size.
        cutouts: Real packs to mix in; may be empty.
        aspect: Width over height.
        held_out: Put a product in that belongs to the pairs kept out of training.
        most_rows: No more shelves than this, 1..6.
        mixture: How much of it is real.
    """
    rng = np.random.default_rng(seed)
    products = _assortment(rng, cutouts, held_out, mixture)
    style = str(rng.choice(["shelf", "catalogue", "pile"], p=[0.88, 0.06, 0.06]))
    if style == "pile":
        items = []
        for _ in range(int(rng.integers(4, 22))):
            index = int(rng.integers(min(3, len(products))))
            height = float(rng.uniform(0.25, 0.45))
            width = min(0.6, height * products[index].aspect)
            x, y = float(rng.uniform(-0.1, aspect - 0.1)), float(rng.uniform(0.0, 0.75))
            items.append(
                Item(
                    "pack",
                    index,
                    0,
                    (x, y, x + width, y + height),
                    float(rng.normal(0, 22)),
                    float(rng.normal(1, 0.05)),
                )
            )
        return Layout(seed, aspect, "pile", tuple(products), tuple(sorted(items, key=lambda i: i.box[3])))
    if style == "catalogue":
        floor = float(rng.uniform(0.75, 0.97))
        ceiling = floor - float(rng.uniform(0.4, 0.75))
        row = [i for i in _fill_row(rng, products, 0, (0.04, 0.9 * aspect), ceiling, floor, 0.3) if i.thing == "pack"]
        return Layout(seed, aspect, "catalogue", tuple(products), tuple(row))
    shares = _ROWS[:most_rows] / _ROWS[:most_rows].sum()
    rows = int(rng.choice(len(shares), p=shares)) + 1
    edges = np.cumsum(rng.uniform(0.8, 1.2, rows))
    edges = edges / edges[-1] * float(rng.uniform(0.9, 1.12))
    board = float(rng.uniform(0.02, 0.05)) + 0.04 / rows * float(rng.uniform(0.3, 1.2))
    tightness = float(rng.uniform(0.4, 0.98))
    items, boards, top = [], [], float(rng.uniform(-0.12, 0.03))
    for level, edge in enumerate(edges):
        floor = float(edge) - board
        items += _fill_row(rng, products, level, (-0.05, aspect + 0.03), top + 0.01, floor, tightness)
        boards.append((floor, float(edge)))
        if rng.random() < 0.8:
            items += _rail(rng, level, floor, board, aspect)
        top = float(edge)
    return Layout(seed, aspect, "shelf", tuple(products), tuple(items), tuple(boards))
