"""What packs show of their contents: one drawing for each contents word of the vocabulary.

Packs print a fruit, a cow, a bubble far larger than the word for it; a model that sees a facing three tokens wide can
tell contents by that and by little else. Drawings are coarse on purpose: more would be lost at that size.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Points = tuple[tuple[float, float], ...]

_INKS: dict[str, tuple[int, int, int]] = {
    "red": (205, 30, 35),
    "orange": (245, 140, 30),
    "yellow": (250, 215, 60),
    "gold": (214, 165, 60),
    "green": (70, 160, 60),
    "mint": (120, 215, 180),
    "blue": (40, 105, 205),
    "sky": (150, 205, 245),
    "purple": (105, 40, 130),
    "pink": (245, 140, 180),
    "skin": (240, 190, 150),
    "tan": (205, 150, 90),
    "brown": (105, 60, 30),
    "white": (250, 250, 246),
    "grey": (150, 155, 160),
    "black": (30, 28, 30),
}


@dataclass(frozen=True)
class Disc:
    """An ellipse: middle and half axes in units of the drawing's reach, turned clockwise by degrees."""

    x: float
    y: float
    across: float
    down: float
    ink: str
    turn: float = 0.0


@dataclass(frozen=True)
class Area:
    """A filled outline, in units of the drawing's reach."""

    points: Points
    ink: str


Part = Disc | Area


def _bar(x: float, y: float, across: float, down: float, ink: str) -> Area:
    return Area(((x - across, y - down), (x + across, y - down), (x + across, y + down), (x - across, y + down)), ink)


def _discs(ink: str, size: float, *middles: tuple[float, float]) -> tuple[Part, ...]:
    return tuple(Disc(x, y, size, size, ink) for x, y in middles)


def _grains(ink: str, across: float, down: float, *places: tuple[float, float, float]) -> tuple[Part, ...]:
    return tuple(Disc(x, y, across, down, ink, turn) for x, y, turn in places)


_LEAVES: tuple[Part, ...] = (Disc(-0.4, 0, 0.3, 0.8, "green", -35), Disc(0.4, 0, 0.3, 0.8, "green", 35))
_CLUSTER = ((-0.6, -0.3), (0.0, -0.3), (0.6, -0.3), (-0.3, 0.2), (0.3, 0.2), (0.0, 0.7))
_HEX: Points = ((-0.5, 0.0), (-0.25, -0.43), (0.25, -0.43), (0.5, 0.0), (0.25, 0.43), (-0.25, 0.43))

EMBLEMS: dict[str, tuple[Part, ...]] = {
    # hair and skin
    "shampoo": tuple(Disc(x, 0, 0.13, 1, ink, 18) for x, ink in ((-0.6, "gold"), (-0.2, "brown"), (0.2, "gold"))),
    "conditioner": (Disc(0, 0, 0.9, 0.9, "brown"), Disc(0, 0, 0.6, 0.6, "gold"), Disc(0, 0, 0.3, 0.3, "brown")),
    "body wash": (
        *_discs("sky", 0.4, (-0.5, 0.3), (0.4, 0.4)),
        *_discs("white", 0.3, (0, -0.3), (0.6, -0.4), (-0.6, -0.5)),
    ),
    "hand soap": (
        Disc(0, 0.4, 0.5, 0.5, "skin"),
        *_grains("skin", 0.12, 0.5, (-0.4, -0.3, -15), (-0.12, -0.5, 0), (0.16, -0.5, 0), (0.45, -0.3, 15)),
    ),
    "lotion": (
        *_discs("pink", 0.38, (0, -0.55), (0.52, -0.15), (0.33, 0.45), (-0.33, 0.45), (-0.52, -0.15)),
        Disc(0, 0, 0.28, 0.28, "yellow"),
    ),
    "toothpaste": (
        Disc(0, -0.3, 0.7, 0.55, "white"),
        *_grains("white", 0.22, 0.6, (-0.4, 0.35, 10), (0.4, 0.35, -10)),
        _bar(0, 0.85, 0.9, 0.13, "red"),
    ),
    "mouthwash": (*_LEAVES, *_discs("mint", 0.28, (0, 0.6), (-0.6, 0.7), (0.6, 0.7))),
    # cleaning
    "detergent": (
        _bar(0, 0.2, 0.5, 0.75, "white"),
        Area(((-0.5, -0.55), (-1, -0.2), (-0.8, 0.15), (-0.4, -0.1)), "white"),
        Area(((0.5, -0.55), (1, -0.2), (0.8, 0.15), (0.4, -0.1)), "white"),
        Disc(0, -0.55, 0.25, 0.2, "blue"),
    ),
    "cleaner": (
        Area(
            ((0, -1), (0.2, -0.2), (1, 0), (0.2, 0.2), (0, 1), (-0.2, 0.2), (-1, 0), (-0.2, -0.2)),
            "white",
        ),
        *_discs("sky", 0.16, (0.65, -0.65), (-0.65, 0.65)),
    ),
    "dish soap": (Disc(0, 0, 1, 1, "white"), Disc(0, 0, 0.75, 0.75, "blue"), Disc(0, 0, 0.6, 0.6, "white")),
    # drinks
    "soda": (
        Disc(0, 0, 0.95, 0.95, "yellow"),
        Disc(0, 0, 0.75, 0.75, "white"),
        *_grains("yellow", 0.2, 0.32, (0, -0.38, 0), (0.38, 0, 90), (0, 0.38, 0), (-0.38, 0, 90)),
    ),
    "cola": (
        Area(((-1, 0.3), (-0.3, -0.3), (0.3, 0.1), (1, -0.6), (1, -0.1), (0.3, 0.6), (-0.3, 0.2), (-1, 0.8)), "white"),
        *_discs("brown", 0.22, (-0.6, -0.5), (0.6, 0.7)),
    ),
    "juice": (*_discs("orange", 0.6, (-0.4, 0.2), (0.4, 0.3)), Disc(0.1, -0.55, 0.5, 0.2, "green", 25)),
    "water": (
        Area(((-1, 0.7), (-0.3, -0.7), (0.4, 0.7)), "blue"),
        Area(((-0.1, 0.7), (0.5, -0.3), (1, 0.7)), "sky"),
        Area(((-0.5, -0.3), (-0.3, -0.7), (-0.1, -0.3)), "white"),
    ),
    "milk": (
        Disc(0, 0, 0.95, 0.85, "white"),
        *_grains("black", 0.34, 0.22, (-0.45, -0.3, 20), (0.4, 0.35, -25)),
        Disc(0.45, -0.4, 0.2, 0.15, "black"),
    ),
    "beer": (
        _bar(-0.1, 0.25, 0.5, 0.7, "gold"),
        *_discs("white", 0.32, (-0.5, -0.5), (-0.1, -0.65), (0.3, -0.5)),
        _bar(0.65, 0.2, 0.1, 0.35, "gold"),
    ),
    "wine": (*_discs("purple", 0.32, *_CLUSTER), Disc(0.2, -0.8, 0.4, 0.2, "green")),
    # dry food
    "cereal": (
        *_grains("gold", 0.3, 0.2, (-0.5, -0.35, 20), (0, -0.55, -20), (0.5, -0.35, 30), (0, -0.2, 0)),
        Area(((-1, 0), (1, 0), (0.5, 0.8), (-0.5, 0.8)), "blue"),
    ),
    "biscuit": (
        Disc(0, 0, 0.9, 0.9, "tan"),
        *_discs("brown", 0.15, (-0.4, -0.3), (0.3, -0.45), (0.45, 0.25), (-0.2, 0.4), (0.05, 0)),
    ),
    "chips": _grains("yellow", 0.55, 0.28, (-0.4, -0.45, -30), (0.4, -0.2, 25), (-0.3, 0.3, 15), (0.4, 0.6, -25)),
    "candy": (
        Area(((-1, -0.5), (-1, 0.5), (-0.3, 0)), "pink"),
        Area(((1, -0.5), (1, 0.5), (0.3, 0)), "pink"),
        Disc(0, 0, 0.55, 0.5, "red"),
        Disc(0, 0, 0.2, 0.45, "white"),
    ),
    "chocolate": (
        _bar(0, 0, 0.9, 0.7, "tan"),
        *(_bar(x, y, 0.25, 0.28, "brown") for x in (-0.58, 0.0, 0.58) for y in (-0.33, 0.33)),
    ),
    "coffee": (
        *_grains("brown", 0.4, 0.65, (-0.4, 0.1, 20), (0.45, -0.1, -30)),
        *_grains("tan", 0.07, 0.5, (-0.4, 0.1, 20), (0.45, -0.1, -30)),
    ),
    "tea": (_bar(0, 0.35, 0.55, 0.45, "white"), Disc(0.65, 0.3, 0.2, 0.25, "white"), *_LEAVES[:1]),
    "pasta": _grains("yellow", 0.14, 0.8, (-0.6, 0, 20), (-0.2, 0, 20), (0.2, 0, 20), (0.6, 0, 20)),
    "rice": _grains(
        "white", 0.1, 0.26, *((x, y, 40 * x - 60 * y) for x in (-0.7, -0.25, 0.25, 0.7) for y in (-0.5, 0.05, 0.6))
    ),
    "flour": (
        _bar(0, 0.2, 0.05, 0.8, "gold"),
        *_grains("gold", 0.14, 0.32, *((s * 0.25, y, s * 35.0) for s in (-1, 1) for y in (-0.6, -0.15, 0.3))),
    ),
    "sugar": (
        *(_bar(x, y, 0.32, 0.3, "white") for x, y in ((-0.4, 0.45), (0.4, 0.45), (0, -0.3))),
        *(_bar(x, y, 0.32, 0.06, "grey") for x, y in ((-0.4, 0.75), (0.4, 0.75), (0, 0))),
    ),
    # tins and jars
    "soup": (
        Area(((-1, 0.1), (1, 0.1), (0.6, 0.9), (-0.6, 0.9)), "white"),
        Disc(0, 0.1, 1, 0.28, "orange"),
        *_grains("white", 0.07, 0.35, (-0.35, -0.55, 12), (0, -0.6, -12), (0.35, -0.55, 12)),
    ),
    "beans": _grains(
        "brown", 0.35, 0.2, (-0.5, -0.5, 30), (0.4, -0.45, -25), (-0.1, 0, 10), (-0.5, 0.5, -30), (0.5, 0.45, 20)
    ),
    "tuna": (
        Disc(-0.15, 0, 0.75, 0.4, "sky"),
        Area(((0.4, 0), (1, -0.5), (1, 0.5)), "sky"),
        Disc(-0.6, -0.1, 0.08, 0.08, "black"),
    ),
    "tomato sauce": (
        Disc(0, 0.15, 0.85, 0.75, "red"),
        *_grains("green", 0.12, 0.4, (-0.25, -0.55, -60), (0.25, -0.55, 60), (0, -0.7, 0)),
    ),
    "sauce": (
        Disc(-0.1, 0.1, 0.22, 0.9, "red", 35),
        Disc(0.2, 0.35, 0.2, 0.6, "red", 60),
        Disc(0.5, -0.65, 0.15, 0.3, "green", 20),
    ),
    "jam": (
        Area(((-0.8, -0.4), (0.8, -0.4), (0.5, 0.4), (0, 0.95), (-0.5, 0.4)), "red"),
        *_grains("green", 0.16, 0.4, (-0.4, -0.55, -60), (0.4, -0.55, 60), (0, -0.6, 0)),
        *_discs("yellow", 0.07, (-0.35, 0), (0.35, 0), (0, 0.4), (0, -0.1)),
    ),
    "honey": tuple(
        Area(tuple((x + px, y + py) for px, py in _HEX), ink)
        for x, y, ink in ((-0.4, -0.45, "gold"), (0.4, -0.0, "orange"), (-0.4, 0.45, "yellow"))
    ),
    "peanut butter": (
        *_discs("tan", 0.5, (0, -0.45), (0, 0.4)),
        *_discs("brown", 0.1, (-0.15, -0.5), (0.2, -0.3), (0, 0.4)),
    ),
    "oil": (*_grains("green", 0.35, 0.5, (-0.4, 0.3, 15), (0.4, 0.4, -15)), Disc(0, -0.5, 0.75, 0.18, "green", 20)),
    "vinegar": (
        *_discs("red", 0.55, (-0.3, 0.2), (0.3, 0.2)),
        Disc(0.25, -0.6, 0.35, 0.15, "green", -30),
        _bar(0, -0.5, 0.06, 0.25, "brown"),
    ),
    "spice": _discs(
        "black",
        0.15,
        (-0.7, -0.4),
        (-0.2, -0.6),
        (0.35, -0.5),
        (0.75, -0.1),
        (0.1, 0),
        (-0.4, 0.1),
        (-0.65, 0.6),
        (0, 0.55),
        (0.5, 0.5),
    ),
    # chilled
    "yogurt": (
        Disc(0, 0.2, 0.95, 0.6, "white"),
        Disc(0, -0.3, 0.5, 0.35, "white"),
        *_discs("purple", 0.2, (-0.4, 0.2), (0.3, 0.35), (0.1, -0.3)),
    ),
    "butter": (
        _bar(0.15, 0.15, 0.8, 0.4, "yellow"),
        Area(((-0.65, -0.25), (-0.3, -0.6), (1, -0.6), (0.95, -0.25)), "white"),
        _bar(-0.75, 0.15, 0.08, 0.4, "gold"),
    ),
    # animals and house
    "cat litter": (
        Disc(0, 0.15, 0.8, 0.7, "grey"),
        Area(((-0.8, 0), (-0.7, -0.9), (-0.15, -0.45)), "grey"),
        Area(((0.8, 0), (0.7, -0.9), (0.15, -0.45)), "grey"),
        *_discs("green", 0.14, (-0.3, 0.05), (0.3, 0.05)),
    ),
    "pet food": (
        Disc(0, 0, 0.65, 0.75, "tan"),
        *_grains("brown", 0.22, 0.55, (-0.7, 0, 12), (0.7, 0, -12)),
        *_discs("black", 0.1, (-0.25, -0.15), (0.25, -0.15)),
        Disc(0, 0.3, 0.22, 0.15, "black"),
    ),
    "bin bags": (
        Disc(0, 0.3, 0.75, 0.65, "black"),
        Area(((-0.25, -0.2), (-0.4, -0.9), (0.4, -0.9), (0.25, -0.2)), "black"),
        Disc(0, -0.35, 0.3, 0.08, "red"),
    ),
    "tissues": (
        Area(((-0.7, 0.3), (-0.4, -0.9), (0, -0.5), (0.5, -0.95), (0.7, 0.3)), "white"),
        _bar(0, 0.45, 0.95, 0.15, "sky"),
    ),
    "diapers": (
        Disc(0, 0, 0.85, 0.85, "skin"),
        *_discs("black", 0.1, (-0.3, -0.1), (0.3, -0.1)),
        Disc(0, 0.4, 0.3, 0.12, "red"),
        Disc(0, -0.75, 0.15, 0.15, "brown"),
    ),
}


def draw_emblem(
    canvas: Image, contents: str, middle: tuple[float, float], reach: float, rng: np.random.Generator
) -> None:
    """Draw what stands for some contents. Changes the canvas.

    Args:
        canvas: uint8 (height, width, 3), RGB.
        contents: Canonical contents word.
        middle: x and y in pixels.
        reach: Half of the drawing's side in pixels.
        rng: Turns it a little and shifts its inks.
    """
    if reach < 2:
        return
    if rng.random() < 0.5:  # on a plate of its own, so that white on white is seen at least half of the time
        plate = tuple(int(c) for c in rng.integers(0, 256, 3))
        middle_pixel = round(middle[0]), round(middle[1])
        cv2.circle(canvas, middle_pixel, round(1.15 * reach), plate, -1, cv2.LINE_AA)
    turn = float(rng.uniform(-15, 15))
    cosine, sine = np.cos(np.radians(turn)) * reach, np.sin(np.radians(turn)) * reach
    shift = rng.normal(0, 12, 3)

    def at(x: float, y: float) -> tuple[int, int]:
        return round(middle[0] + x * cosine - y * sine), round(middle[1] + x * sine + y * cosine)

    for part in EMBLEMS[contents]:
        ink = tuple(float(c) for c in np.clip(np.array(_INKS[part.ink]) + shift, 0, 255))
        if isinstance(part, Disc):
            axes = max(1, round(part.across * reach)), max(1, round(part.down * reach))
            cv2.ellipse(canvas, at(part.x, part.y), axes, part.turn + turn, 0, 360, ink, -1, cv2.LINE_AA)
        else:
            cv2.fillPoly(canvas, [np.array([at(x, y) for x, y in part.points])], ink, cv2.LINE_AA)
