import numpy as np
import pytest

from segmentation.colour import colour_shares, wears

RED, WHITE, PURPLE = (200, 20, 30), (245, 245, 242), (110, 50, 150)


def tub(lid: tuple[int, int, int], body: tuple[int, int, int]) -> np.ndarray:
    picture = np.full((100, 80, 3), body, np.uint8)
    picture[:25] = lid
    return picture


@pytest.mark.parametrize(
    ("colours", "part", "expected"),
    [
        (("white",), None, True),
        (("red",), None, False),
        (("purple",), "lid", True),
        (("white",), "lid", False),
        (("white", "purple"), "lid", True),
        (("red", "purple"), "lid", False),
    ],
)
def test_a_white_tub_with_a_purple_lid(colours, part, expected) -> None:
    assert wears(tub(PURPLE, WHITE), (0, 0, 80, 100), colours, part) is expected


def test_a_box_at_the_border_is_judged_by_what_is_on_the_photo() -> None:
    assert wears(tub(RED, RED), (60, 50, 200, 300), ("red",))


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((200, 20, 30), "red"),
        ((120, 15, 20), "red"),
        ((240, 125, 20), "orange"),
        ((40, 150, 60), "green"),
        ((0, 140, 150), "teal"),
        ((30, 80, 190), "blue"),
        ((250, 250, 250), "white"),
        ((10, 10, 10), "black"),
        ((130, 130, 130), "grey"),
        ((229, 171, 150), "orange"),  # a pale orange pack in a bright photo
        ((90, 55, 30), "brown"),
        ((245, 215, 40), "yellow"),
        ((235, 110, 160), "pink"),
        ((245, 190, 205), "pink"),
        ((110, 50, 150), "purple"),
        ((200, 165, 110), "gold"),
    ],
)
def test_plain_colours_have_their_name(rgb: tuple[int, int, int], name: str) -> None:
    assert colour_shares(np.full((30, 30, 3), rgb, np.uint8)) == {name: 1.0}


def test_colour_shares_are_by_area_and_the_largest_comes_first() -> None:
    pixels = np.full((100, 100, 3), (30, 80, 190), np.uint8)
    pixels[:30] = 200, 20, 30
    shares = colour_shares(pixels)
    assert list(shares) == ["blue", "red"]
    assert shares["red"] == pytest.approx(0.3, abs=0.02)
