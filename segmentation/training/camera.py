"""What lies between the shelf and the file: perspective, lens, light, sensor, JPEG."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Labels = NDArray[np.int16]


def view(
    canvas: Image, labels: Labels, size: tuple[int, int], pad: float, rng: np.random.Generator
) -> tuple[Image, Labels]:
    """See the canvas through a camera that is not quite square on.

    Args:
        canvas: uint8 RGB, larger than the view by pad on each side.
        labels: int16 of the same height and width.
        size: Width and height of the view, pixels.
        pad: Pixels of margin.
        rng: Source of chance.

    Returns:
        The view and its labels, both of the asked size.
    """
    w, h = size
    corners = np.array([[pad, pad], [pad + w, pad], [pad + w, pad + h], [pad, pad + h]], np.float32)
    if rng.random() < 0.35:  # closer
        zoom = float(rng.uniform(0.5, 0.95))
        free = (1 - zoom) * np.array([w, h])
        corners = (corners - pad) * zoom + pad + (free * rng.random(2)).astype(np.float32)
    wiggle = rng.normal(0, 0.022 if rng.random() < 0.7 else 0.0, (4, 2)) * np.array([w, h])
    source = (corners + np.clip(wiggle, -0.8 * pad, 0.8 * pad)).astype(np.float32)
    target = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    seen = cv2.warpPerspective(canvas, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    truth = cv2.warpPerspective(labels, matrix, size, flags=cv2.INTER_NEAREST)
    return np.asarray(seen, np.uint8), np.asarray(truth, np.int16)


def develop(image: Image, rng: np.random.Generator) -> Image:
    """Light, lens, sensor and file. Shape and geometry stay."""
    h, w = image.shape[:2]
    gain = rng.normal(1, 0.06, 3) * rng.uniform(0.7, 1.25)  # white balance, exposure
    gamma = float(rng.uniform(0.75, 1.3))
    ramp = np.arange(256, dtype=np.float32) / 255
    tables = np.stack([np.clip((ramp**gamma) * g, 0, 1) for g in gain], 1)
    if rng.random() < 0.3:  # flat or hard contrast
        tables = np.clip((tables - 0.5) * rng.uniform(0.6, 1.25) + 0.5 + rng.uniform(-0.05, 0.1), 0, 1)
    table = (tables * 255).astype(np.uint8).reshape(1, 256, 3)
    work: Any = cv2.LUT(image, table)  # whatever OpenCV calls its arrays
    if rng.random() < 0.35:  # uneven light
        field = cv2.resize(rng.uniform(0.65, 1.15, (3, 3)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
        work = cv2.multiply(work, cv2.merge([field] * 3), dtype=cv2.CV_8U)
    if rng.random() < 0.12:  # glare, or a reflection in glass
        spot: Any = np.zeros((h, w), np.uint8)
        at, axes = (
            (int(rng.integers(w)), int(rng.integers(h))),
            (int(w * rng.uniform(0.03, 0.2)) + 1, int(h * rng.uniform(0.05, 0.5)) + 1),
        )
        cv2.ellipse(spot, at, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(50, 170)), -1)
        spot = cv2.blur(spot, (w // 10 * 2 + 1, h // 10 * 2 + 1))
        work = cv2.add(work, cv2.merge([spot] * 3))
    blur = rng.random()
    if blur < 0.35:
        sigma = float(rng.uniform(0.3, 1.1)) * h / 224
        work = cv2.GaussianBlur(work, (0, 0), sigma)
    elif blur < 0.45:
        length = max(2, int(rng.uniform(0.01, 0.025) * h))
        kernel = np.ones((1, length), np.float32) / length
        work = cv2.filter2D(work, -1, kernel if rng.random() < 0.7 else kernel.T)
    elif blur < 0.55:  # a small file, enlarged
        f = float(rng.uniform(0.4, 0.8))
        small = cv2.resize(work, None, fx=f, fy=f, interpolation=cv2.INTER_AREA)
        work = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        noise: Any = np.empty(work.shape, np.int8)
        cv2.setRNGSeed(int(rng.integers(2**31 - 1)))
        cv2.randn(noise, 0, float(rng.uniform(2, 12)))  # type: ignore[call-overload]  # numbers are fine
        work = cv2.add(work, noise, dtype=cv2.CV_8U)
    if rng.random() < 0.4:
        quality = int(rng.integers(30, 92))
        _, data = cv2.imencode(".jpg", work, [cv2.IMWRITE_JPEG_QUALITY, quality])
        work = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.asarray(work, np.uint8)
