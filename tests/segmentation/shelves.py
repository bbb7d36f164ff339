"""Shelf pictures composed by tests: packs with known print at known places."""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
WIDTH, HEIGHT = 120, 160


def pack(seed: int, colour: tuple[int, int, int] = (200, 40, 40), word: str = "") -> Pixels:
    """A (160, 120, 3) pack: a colour, shapes of its own by seed, and perhaps a word."""
    random = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), colour, np.uint8)
    ink = (245, 245, 240)
    for _ in range(26):
        x, y = (int(v) for v in random.integers((6, 6), (WIDTH - 6, HEIGHT - 6)))
        shade = tuple(int(v) for v in np.clip(np.array(colour) + random.integers(-90, 90), 0, 255))
        if random.random() < 0.5:
            cv2.circle(picture, (x, y), int(random.integers(4, 13)), shade, -1)
        else:
            cv2.rectangle(
                picture, (x, y), (x + int(random.integers(5, 26)), y + int(random.integers(5, 26))), shade, -1
            )
    for line in range(3):
        text = "".join(random.choice(list("ABCDEFGHKLMNPRSTUVXYZ"), 5))
        cv2.putText(picture, text, (14, 84 + 24 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.7, ink, 2, cv2.LINE_AA)
    if word:
        cv2.rectangle(picture, (4, 18), (WIDTH - 4, 54), (20, 20, 20), -1)
        size = cv2.getTextSize(word, cv2.FONT_HERSHEY_DUPLEX, 1.0, 2)[0][0]
        scale = min(1.0, (WIDTH - 20) / size)
        cv2.putText(picture, word, (10, 45), cv2.FONT_HERSHEY_DUPLEX, scale, (255, 255, 255), 2, cv2.LINE_AA)
    cv2.rectangle(picture, (0, 0), (WIDTH - 1, HEIGHT - 1), (30, 30, 30), 2)
    return picture


def recoloured(picture: Pixels, shift: int) -> Pixels:
    """The same print in other colours: the hue is turned."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + shift) % 180
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def turned(picture: Pixels, degrees: float = 0.0, scale: float = 1.0) -> Pixels:
    """The pack turned and scaled on a grey ground that holds all of it."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    new_width, new_height = int(height * sine + width * cosine), int(height * cosine + width * sine)
    matrix[:, 2] += ((new_width - width) / 2, (new_height - height) / 2)
    return np.asarray(
        cv2.warpAffine(picture, matrix, (new_width, new_height), borderValue=(150, 150, 150), flags=cv2.INTER_LINEAR),
        np.uint8,
    )


def shelf(placed: list[tuple[Pixels, int, int]], width: int = 900, height: int = 500, noise: float = 3.0) -> Pixels:
    """Packs at (left, top) on a grey wall with a little camera noise; later ones stand in front."""
    wall = np.full((height, width, 3), 150, np.uint8)
    for picture, left, top in placed:
        h, w = picture.shape[:2]
        wall[top : top + h, left : left + w] = picture[: height - top, : width - left]
    speckle = np.random.default_rng(0).normal(0, noise, wall.shape)
    return np.asarray(np.clip(wall + speckle, 0, 255), np.uint8)


def row_of(picture: Pixels, count: int, left: int = 20, top: int = 40, gap: int = 0) -> list[tuple[Pixels, int, int]]:
    """The same pack side by side; with no gap they touch."""
    return [(picture, left + i * (picture.shape[1] + gap), top) for i in range(count)]
