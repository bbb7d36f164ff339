import numpy as np
import pytest

from segmentation.errors import BoxError
from segmentation.geometry import Box
from segmentation.visual_prompt import visual_prompt

MEAN = (0.5, 0.5, 0.5)  # 127.5


def test_the_object_stays_and_the_background_falls_to_a_tenth_of_its_contrast() -> None:
    photo = np.full((100, 100, 3), 227, np.uint8)  # 99.5 above the mean
    photo[30:70, 30:70] = (200, 40, 90)
    picture = visual_prompt(photo, (30, 30, 70, 70), 96, MEAN)
    assert picture.shape == (96, 96, 3)
    # Side 48 photo px -> 96: the object covers 8..88.
    assert picture[48, 48].tolist() == [200, 40, 90]
    assert picture[10, 10].tolist() == [200, 40, 90]
    assert picture[1, 1, 0] == round(127.5 + 0.1 * (227 - 127.5))


def test_a_narrow_box_is_squared_by_taking_more_image() -> None:
    photo = np.zeros((100, 100, 3), np.uint8)
    photo[:, 45:55] = 250
    picture = visual_prompt(photo, (45, 10, 55, 90), 96, MEAN)
    inside = (picture == 250).all(axis=2)
    columns = np.flatnonzero(inside.any(axis=0))
    rows = np.flatnonzero(inside.any(axis=1))
    assert (columns[0], columns[-1]) == (43, 52)  # 10 of 96 photo px wide, in the middle
    assert rows[-1] - rows[0] == 79


def test_what_lies_beyond_the_photo_has_the_mean_colour() -> None:
    photo = np.full((60, 60, 3), 255, np.uint8)
    picture = visual_prompt(photo, (0, 0, 20, 60), 72, MEAN)
    assert picture[36, 2, 0] in (127, 128)
    assert picture[36, 33, 0] == 255


def test_a_mask_separates_the_object_from_the_rest_of_its_box() -> None:
    photo = np.full((100, 100, 3), 255, np.uint8)
    mask = np.zeros((100, 100), np.bool_)
    mask[20:80, 20:50] = True  # the left half of the box
    picture = visual_prompt(photo, (20, 20, 80, 80), 72, MEAN, mask)
    assert picture[36, 20, 0] == 255
    assert picture[36, 52, 0] == round(127.5 + 0.1 * 127.5)


@pytest.mark.parametrize(
    "box",
    [
        (-1, 0, 10, 10),
        (0, 0, 61, 10),
        (10, 10, 10, 20),  # no width
        (20, 10, 10, 20),  # the wrong way round
        (100, 100, 110, 110),
    ],
)
def test_a_box_that_is_not_on_the_photo_is_refused(box: Box) -> None:
    with pytest.raises(BoxError, match="60 x 60"):
        visual_prompt(np.zeros((60, 60, 3), np.uint8), box, 64, MEAN)


@pytest.mark.parametrize("box", [(5, 5, 6, 6), (0, 0, 60, 60), (0, 30, 60, 31), (59, 0, 60, 60)])
def test_tiny_and_extreme_boxes_give_a_picture(box: Box) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    assert visual_prompt(photo, box, 64, MEAN).shape == (64, 64, 3)
