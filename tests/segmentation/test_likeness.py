import numpy as np
import pytest

from segmentation.likeness import LikenessTo
from tests.segmentation.shelves import HEIGHT, WIDTH, pack, recoloured, shelf, turned

HERE = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
BOX = (20, 40, 20 + WIDTH, 40 + HEIGHT)


def there(dx: int) -> np.ndarray:
    return np.array([[1, 0, dx], [0, 1, 0]], np.float32)


def test_a_copy_agrees_in_print_and_colour() -> None:
    picture = shelf([(pack(1), 20, 40), (pack(1), 320, 40)])
    likeness = LikenessTo(picture, BOX, picture).at(there(300))
    assert likeness.print > 0.9
    assert likeness.colour < 4


def test_a_recoloured_variant_agrees_in_print_and_not_in_colour() -> None:
    picture = shelf([(pack(1), 20, 40), (recoloured(pack(1), 60), 320, 40)])
    likeness = LikenessTo(picture, BOX, picture).at(there(300))
    assert likeness.print > 0.75
    assert likeness.colour > 30


def test_another_product_agrees_less_in_print() -> None:
    picture = shelf([(pack(1), 20, 40), (pack(2), 320, 40), (pack(1), 520, 40)])
    judge = LikenessTo(picture, BOX, picture)
    assert judge.at(there(300)).print < judge.at(there(500)).print - 0.15


def test_exposure_does_not_matter() -> None:
    dark = np.asarray(pack(1) * 0.6, np.uint8)
    picture = shelf([(pack(1), 20, 40), (dark, 320, 40)])
    assert LikenessTo(picture, BOX, picture).at(there(300)).print > 0.9


def test_a_place_off_the_photo_is_compared_without_error() -> None:
    picture = shelf([(pack(1), 20, 40)])
    likeness = LikenessTo(picture, BOX, picture).at(there(3000))
    assert likeness.print < 0.5


def test_an_example_on_another_photo_is_compared_under_its_scale() -> None:
    picture = shelf([(turned(pack(1), scale=1.5), 300, 40)])
    own = shelf([(pack(1), 20, 40)])
    onto = np.array([[1.5, 0, 300 - 1.5 * 20], [0, 1.5, 40 - 1.5 * 40]], np.float32)
    likeness = LikenessTo(own, BOX, picture).at(onto)
    assert likeness.print > 0.85
    assert likeness.colour == pytest.approx(0, abs=6)
