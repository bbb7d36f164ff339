"""The extent of packs, on pictures whose packs are drawn."""

import cv2
import numpy as np
import pytest

from segmentation.extent import pack_extent

WIDTH, HEIGHT = 80, 120
WORD = (20, 40, 60, 70)  # on a pack


def artwork(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    blurred = cv2.GaussianBlur(rng.integers(0, 255, (HEIGHT, WIDTH), np.uint8), (0, 0), 2.5)
    grey = cv2.normalize(blurred, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def shelf(*places: tuple[int, int]) -> np.ndarray:
    """Packs of one artwork on a ground of its own, which differs everywhere."""
    rng = np.random.default_rng(99)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (500, 700, 3), np.uint8), (0, 0), 2.5)
    for x, y in places:
        ground[y : y + HEIGHT, x : x + WIDTH] = artwork(1)
    return ground


def window(x: int, y: int) -> tuple[int, int, int, int]:
    return (x + WORD[0], y + WORD[1], x + WORD[2], y + WORD[3])


def moved(dx: int, dy: int) -> np.ndarray:
    return np.array([[1, 0, dx], [0, 1, dy]], np.float32)


def middle(x: int, y: int) -> tuple[float, float]:
    return (x + 40, y + 55)


def test_a_pack_ends_where_its_copies_stop_to_agree() -> None:
    picture = shelf((100, 150), (300, 190), (500, 120))
    box = pack_extent(picture, window(100, 150), [moved(200, 40), moved(400, -30)], [middle(300, 190)])
    assert box == pytest.approx((100, 150, 180, 270), abs=7)


def test_in_a_row_of_touching_packs_it_ends_half_way_to_the_next() -> None:
    places = [(100 + WIDTH * i, 150) for i in range(5)]
    picture = shelf(*places)
    box = pack_extent(
        picture, window(260, 150), [moved(-WIDTH, 0), moved(WIDTH, 0)], [middle(*place) for place in places]
    )
    assert box == pytest.approx((260, 150, 340, 270), abs=7)


def test_without_copies_only_the_window_is_known() -> None:
    assert pack_extent(shelf((100, 150)), window(100, 150), [], []) == window(100, 150)


def test_a_pack_at_the_border_of_the_photo_stays_on_it() -> None:
    picture = shelf((0, 0), (300, 100))
    box = pack_extent(picture, window(0, 0), [moved(300, 100)], [middle(300, 100)])
    assert box[:2] == (0, 0)
