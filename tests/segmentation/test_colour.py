import numpy as np
import pytest

from segmentation.colour import wears

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
