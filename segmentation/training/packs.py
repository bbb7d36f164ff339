"""A product as a picture with transparency: shape, print, shading, cap, gloss."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from segmentation.training.artwork import contrast, draw_artwork, print_word
from segmentation.training.products import Product

Sprite = NDArray[np.uint8]  # (height, width, 4) RGBA
Float = NDArray[np.float32]
Points = list[tuple[float, float]]

# Half-width over height: (position from the top, half-width), both 0..1. One line per shape seen in shops.
_BOTTLES: list[tuple[Points, float, tuple[float, float]]] = [
    # outline, end of the cap, label from..to
    (
        [
            (0, 0.26),
            (0.06, 0.26),
            (0.07, 0.2),
            (0.13, 0.22),
            (0.35, 0.92),
            (0.5, 0.96),
            (0.6, 0.88),
            (0.7, 0.96),
            (1, 0.93),
        ],
        0.065,
        (0.4, 0.68),
    ),
    (
        [(0, 0.42), (0.13, 0.42), (0.14, 0.36), (0.16, 0.5), (0.24, 0.93), (0.5, 0.97), (1, 0.92)],
        0.135,
        (0.3, 0.88),
    ),
    ([(0, 0.28), (0.1, 0.28), (0.28, 0.27), (0.42, 0.93), (1, 0.96)], 0.1, (0.52, 0.86)),
    ([(0, 0.27), (0.05, 0.26), (0.28, 0.3), (0.5, 0.93), (1, 0.96)], 0.045, (0.55, 0.85)),
    (
        [(0, 0.5), (0.1, 0.5), (0.11, 0.44), (0.14, 0.5), (0.28, 0.95), (0.6, 0.97), (1, 0.94)],
        0.105,
        (0.38, 0.84),
    ),
    (
        [(0, 0.36), (0.12, 0.36), (0.13, 0.3), (0.2, 0.35), (0.4, 0.82), (0.55, 0.95), (1, 0.97)],
        0.125,
        (0.45, 0.88),
    ),
    (
        [(0, 0.8), (0.14, 0.86), (0.15, 0.9), (0.3, 0.97), (0.8, 0.9), (1, 0.8)],
        0.145,
        (0.22, 0.9),
    ),  # stands on its head
]
_OUTLINES: dict[str, tuple[Points, float, tuple[float, float]]] = {
    "pump bottle": (
        [
            (0, 0),
            (0.08, 0.07),
            (0.15, 0.07),
            (0.155, 0.3),
            (0.22, 0.32),
            (0.225, 0.4),
            (0.3, 0.93),
            (1, 0.95),
        ],
        0.222,
        (0.36, 0.92),
    ),
    "spray bottle": (
        [(0, 0), (0.2, 0.1), (0.2, 0.22), (0.28, 0.24), (0.42, 0.7), (0.5, 0.9), (0.6, 0.95), (1, 0.95)],
        0.282,
        (0.5, 0.92),
    ),
    "can": (
        [(0, 0.86), (0.03, 0.9), (0.07, 0.99), (0.94, 0.99), (0.97, 0.92), (1, 0.88)],
        0.045,
        (0.05, 0.95),
    ),
    "jar": (
        [(0, 0.82), (0.15, 0.84), (0.16, 0.78), (0.2, 0.82), (0.28, 0.98), (0.93, 0.98), (1, 0.9)],
        0.155,
        (0.33, 0.88),
    ),
    "tub": ([(0, 0.99), (0.1, 0.99), (0.11, 0.94), (1, 0.78)], 0.105, (0.14, 0.96)),
    "tube": (
        [(0, 0.98), (0.06, 0.98), (0.5, 0.93), (0.8, 0.72), (0.83, 0.5), (0.84, 0.62), (1, 0.6)],
        -0.165,
        (0.07, 0.8),
    ),
    "carton": ([(0, 0.92), (0.05, 0.92), (0.06, 0.9), (0.2, 0.99), (1, 0.99)], 0.0, (0.0, 1.0)),
    "box": ([(0, 1), (1, 1)], 0.0, (0.0, 1.0)),
    "bag": (
        [(0, 0.9), (0.05, 0.9), (0.08, 0.93), (0.3, 0.98), (0.7, 0.99), (0.92, 0.94), (1, 0.92)],
        0.0,
        (0.0, 1.0),
    ),
    "multipack": ([(0, 0.98), (1, 0.98)], 0.0, (0.0, 1.0)),
}
_ROUND = {"bottle", "pump bottle", "spray bottle", "can", "jar", "tub", "tube"}


def _outline(product: Product, rng: np.random.Generator) -> tuple[Points, float, tuple[float, float]]:
    if product.kind != "bottle":
        return _OUTLINES[product.kind]
    usual = {
        "wine": 2,
        "beer": 3,
        "soda": 0,
        "cola": 0,
        "water": 0,
        "shampoo": 1,
        "conditioner": 6,
        "juice": 4,
        "sauce": 5,
    }
    pick = usual.get(product.contents or "", int(rng.integers(len(_BOTTLES))))
    return _BOTTLES[pick if rng.random() < 0.75 else int(rng.integers(len(_BOTTLES)))]


def _head(alpha: Float, kind: str, width: int, height: int, rng: np.random.Generator) -> Float:
    """Pump nozzle or trigger, which no symmetric outline can give. Coverage 0..1."""
    canvas = np.zeros((height, width), np.uint8)
    side = 1 if rng.random() < 0.5 else -1
    mid = width / 2

    def box(x0: float, y0: float, x1: float, y1: float) -> None:
        xs = sorted((mid + side * x0 * mid, mid + side * x1 * mid))
        cv2.rectangle(canvas, (round(xs[0]), round(y0 * height)), (round(xs[1]) - 1, round(y1 * height)), 255, -1)

    if kind == "pump bottle":
        box(-0.2, 0.0, 0.75, 0.045)
        box(0.6, 0.02, 0.75, 0.075)
        box(-0.25, 0.0, 0.25, 0.08)
    else:
        box(-0.35, 0.01, 0.8, 0.1)
        box(-0.35, 0.05, 0.3, 0.21)
        points = np.array([[0.35, 0.09], [0.55, 0.09], [0.42, 0.26], [0.32, 0.26]])
        scaled = np.stack([mid + side * points[:, 0] * mid, points[:, 1] * height], 1)
        cv2.fillConvexPoly(canvas, scaled.round().astype(np.int32), 255, cv2.LINE_AA)
    return np.asarray(np.maximum(alpha, canvas / 255.0), np.float32)


def draw_pack(product: Product, width: int, height: int, photo: Sprite | None = None) -> Sprite:
    """Draw a product upright, lit from the front, filling the picture.

    Args:
        product: What to draw.
        width: Pixels, at least 3.
        height: Pixels, at least 3.
        photo: (H, W, 3) RGB, printed on it.

    Returns:
        uint8 RGBA (height, width, 4).
    """
    width, height = max(3, width), max(3, height)
    if product.kind == "multipack":
        return _draw_multipack(product, width, height, photo)
    rng = np.random.default_rng(product.seed)
    points, cap_end, (label_from, label_to) = _outline(product, rng)
    t: Float = ((np.arange(height) + 0.5) / height).astype(np.float32)
    half = np.interp(t, [p[0] for p in points], [p[1] for p in points]).astype(np.float32)
    if product.kind in _ROUND and product.kind != "can" and height > 12:
        half = np.asarray(cv2.blur(half[:, None], (1, max(1, height // 40))), np.float32)[:, 0]
    left, right = half.copy(), half.copy()
    if product.kind == "bag":  # film bulges unevenly
        for edge in (left, right):
            waves = sum(rng.uniform(0.0, 0.02) * np.sin(2 * np.pi * (k * t + rng.random())) for k in range(1, 5))
            edge += np.asarray(waves, np.float32)
    x: Float = ((np.arange(width) + 0.5) / width * 2 - 1)[None, :].astype(np.float32)
    reach = np.where(x < 0, left[:, None], right[:, None])
    alpha: Float = np.clip((reach - np.abs(x)) * width / 2 + 0.5, 0, 1).astype(np.float32)
    u: Float = np.clip(x / np.maximum(reach, 0.02), -1, 1).astype(np.float32)
    if product.kind in {"pump bottle", "spray bottle"}:
        alpha = _head(alpha, product.kind, width, height, rng)

    body = np.array(product.rgb, np.float32)
    ground: tuple[int, ...] = product.rgb
    label_style = rng.random()
    if product.kind in {"bottle", "pump bottle", "spray bottle", "jar"} and label_style < 0.5:
        ground = product.accent  # a label of another colour on a body of its own colour
        label_to = min(label_to, label_from + float(rng.uniform(0.2, 0.38)))
    elif product.kind == "can" and label_style < 0.3:
        label_to = label_from + 0.9
    colour = np.empty((height, width, 3), np.float32)
    colour[:] = body
    if product.clear:  # light comes through at the rims, air above the filling
        colour *= 1.0 + 0.25 * (np.abs(u)[..., None] - 0.4)
        level = int((cap_end + float(rng.uniform(0.03, 0.12))) * height)
        colour[:level] = colour[:level] * 0.5 + 110
    y0, y1 = int(label_from * height), max(int(label_from * height) + 1, int(label_to * height))
    art = draw_artwork(
        product,
        max(8, width),
        max(8, y1 - y0),
        ground,
        product.accent if ground == product.rgb else product.rgb,
        photo,
    )
    across = u[y0:y1]
    around = 0.5 + (np.arcsin(across) / np.pi * 1.15 if product.kind in _ROUND else across / 2)
    grid_y = np.repeat(np.linspace(0, art.shape[0] - 1, y1 - y0, dtype=np.float32)[:, None], width, 1)
    wrapped = cv2.remap(
        art,
        (around * (art.shape[1] - 1)).astype(np.float32),
        grid_y,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if product.kind in {"bottle", "pump bottle", "spray bottle", "jar"} and label_style < 0.5 and rng.random() < 0.4:
        keep = np.abs(u[y0:y1]) < rng.uniform(0.6, 0.85)  # a label that does not go round
        colour[y0:y1] = np.where(keep[..., None], wrapped, colour[y0:y1])
    else:
        colour[y0:y1] = wrapped
    cap = slice(0, int(cap_end * height)) if cap_end >= 0 else slice(int((1 + cap_end) * height), height)
    if product.kind == "can":
        rim = np.array([185, 187, 190], np.float32) if rng.random() < 0.75 else body
        colour[: max(1, int(0.045 * height))] = rim
        colour[height - max(1, int(0.04 * height)) :] = rim
    elif cap.stop > cap.start:
        colour[cap] = product.cap_rgb
        if height > 60:  # ribs
            colour[cap] *= 1.0 + 0.06 * np.sign(np.sin(np.arcsin(u[cap]) * 24))[..., None]
    colour *= _shading(product, u, t, rng)[..., None]
    _finish(product, colour, alpha, t, x, rng)
    out = np.empty((height, width, 4), np.uint8)
    out[..., :3] = np.clip(colour, 0, 255)
    out[..., 3] = (alpha * 255).astype(np.uint8)
    return out


def _shading(product: Product, u: Float, t: Float, rng: np.random.Generator) -> Float:
    """Brightness factor per pixel, shape (height, width)."""
    light = float(rng.uniform(-0.35, 0.35))
    if product.kind in _ROUND:
        depth = float(rng.uniform(0.25, 0.5))
        facing = np.sqrt(np.clip(1 - ((u - light) / (1 + abs(light))) ** 2, 0, 1))
        shade = 1.05 - depth + depth * facing
        if rng.random() < 0.8:
            at, spread = rng.uniform(-0.6, 0.6), rng.uniform(0.05, 0.16)
            shade = shade + rng.uniform(0.1, 0.55) * np.exp(-(((u - at) / spread) ** 2))
    elif product.kind == "bag":
        shade = 0.92 + 0.12 * np.sqrt(np.clip(1 - u**2, 0, 1)) * np.sin(np.pi * np.clip(t, 0, 1))[:, None]
        coarse = rng.normal(0, rng.uniform(0.05, 0.16), (7, 5)).astype(np.float32)  # creases of the film
        shade = shade + cv2.resize(coarse, (u.shape[1], u.shape[0]), interpolation=cv2.INTER_CUBIC)
        for end in (t < 0.06, t > 0.94):
            shade[end] *= 0.85 + 0.2 * (np.sin(u[end] * 60) > 0)
    else:
        shade = np.ones_like(u) * float(rng.uniform(0.9, 1.05)) + 0.06 * light * u
    return np.asarray(shade, np.float32)


def _finish(product: Product, colour: Float, alpha: Float, t: Float, x: Float, rng: np.random.Generator) -> None:
    """Edges and folds of flat packs. Changes colour and alpha."""
    height, width = alpha.shape
    if product.kind == "box":
        if rng.random() < 0.5:  # a side face is seen
            edge = int(width * rng.uniform(0.06, 0.2))
            side = slice(0, edge) if rng.random() < 0.5 else slice(width - edge, width)
            colour[:, side] *= rng.uniform(0.55, 0.8)
        if rng.random() < 0.4:
            colour[: max(1, int(height * 0.03))] *= 1.15
    elif product.kind == "carton":
        fold = int(0.2 * height)
        style = rng.random()
        if style < 0.55:  # gable top
            colour[:fold] *= np.linspace(0.8, 0.95, max(1, fold), dtype=np.float32)[:, None, None]
            slope = np.clip(np.interp(t, [0, 0.06, 0.2], [0.97, 0.75, 1.0]), 0, 1).astype(np.float32)
            alpha *= np.abs(x) < slope[:, None]
            if style < 0.35 and fold > 3:
                cv2.circle(
                    colour,
                    (width // 2, int(fold * 0.6)),
                    max(1, width // 7),
                    tuple(float(c) for c in product.cap_rgb),
                    -1,
                    cv2.LINE_AA,
                )
        elif style < 0.8:
            colour[: fold // 3] *= 0.85
    if rng.random() < 0.7 and product.kind not in _ROUND:
        colour[:, :1] *= 0.75
        colour[:, -1:] *= 0.75


def _draw_multipack(product: Product, width: int, height: int, photo: Sprite | None) -> Sprite:
    rng = np.random.default_rng(product.seed)
    out = np.zeros((height, width, 4), np.uint8)
    if rng.random() < 0.6:  # bottles or cans in film
        kind = "can" if rng.random() < 0.5 else "bottle"
        columns, rows = int(rng.integers(3, 5)), (2 if kind == "can" and rng.random() < 0.5 else 1)
        single = replace(product, kind=kind, cap_colour=None)
        w, h = max(3, width // columns), max(3, height // rows)
        one = draw_pack(single, w, h, photo)
        out[:] = (*product.rgb, 255)
        out[..., :3] = (out[..., :3] * 0.55).astype(np.uint8)
        for row in range(rows):
            for column in range(columns):
                at = out[row * h : row * h + h, column * w : column * w + w]
                seen = one[: at.shape[0], : at.shape[1]]
                a = seen[..., 3:].astype(np.float32) / 255
                at[..., :3] = (at[..., :3] * (1 - a) + seen[..., :3] * a).astype(np.uint8)
        film = rng.uniform(0.05, 0.3)
        out[..., :3] = (out[..., :3] * (1 - film) + 235 * film).astype(np.uint8)
        y0, y1 = int(0.35 * height), int(rng.uniform(0.55, 0.75) * height)
        if rng.random() < 0.7:
            out[y0:y1, :, :3] = product.rgb
            plate = np.ascontiguousarray(out[..., :3])
            print_word(
                plate,
                product.brand,
                (0.1 * width, float(y0), 0.8 * width, float(y1 - y0)),
                1,
                contrast(product.rgb),
            )
            out[..., :3] = plate
    else:  # a printed wrap with a handle
        out[..., :3] = draw_artwork(product, width, height, product.rgb, product.accent, photo)
        out[..., 3] = 255
        plate = np.ascontiguousarray(out[..., :3])
        cv2.ellipse(
            plate,
            (width // 2, int(0.08 * height)),
            (width // 6 + 1, height // 22 + 1),
            0,
            0,
            360,
            (30, 28, 28),
            -1,
            cv2.LINE_AA,
        )
        out[..., :3] = plate
    corner = max(1, min(width, height) // 16)
    for ys in (slice(0, corner), slice(height - corner, height)):
        for xs in (slice(0, corner // 2), slice(width - corner // 2, width)):
            out[ys, xs, 3] = 0
    return out
