from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.views import LARGEST_OVERVIEW, View, cover, cut, overview

MEAN = (0.485, 0.456, 0.406)
sides = st.integers(min_value=8, max_value=9000)
photo_sides = st.integers(min_value=300, max_value=5000)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (352, 352, [View(0, 0, 352)]),
        (400, 300, [View(0, 0, 300), View(100, 0, 300)]),
        (300, 400, [View(0, 0, 300), View(0, 100, 300)]),
    ],
)
def test_the_overview_is_squares_along_the_longer_side(width: int, height: int, expected: list[View]) -> None:
    assert list(overview(width, height)) == expected


@settings(deadline=None)
@given(sides, sides)
def test_the_overview_sees_every_pixel_with_few_views(width: int, height: int) -> None:
    views = overview(width, height)
    assert len(views) <= LARGEST_OVERVIEW
    assert min(view.x for view in views) <= 0
    assert min(view.y for view in views) <= 0
    assert max(view.x + view.side for view in views) >= width
    assert max(view.y + view.side for view in views) >= height
    for one, two in pairwise(views):
        assert max(two.x - one.x, two.y - one.y) < one.side  # no gap between neighbours


@settings(deadline=None)
@given(st.data())
def test_a_cover_holds_the_box_and_stays_on_the_photo(data: st.DataObject) -> None:
    width, height = data.draw(photo_sides), data.draw(photo_sides)
    side = data.draw(st.integers(min(width, height) // 8, min(width, height)))
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = (x0, y0, data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height)))
    views = cover(box, side, width, height)
    slack = side // 8  # the lattice may cut this much, always less than the padding of a crop
    for low, high, starts in (
        (box[0], box[2], sorted({view.x for view in views})),
        (box[1], box[3], sorted({view.y for view in views})),
    ):
        assert starts[0] <= low + slack
        assert starts[-1] + side >= high - slack
        assert all(after - before <= side for before, after in pairwise(starts))
    assert all(0 <= view.x <= width - side and 0 <= view.y <= height - side for view in views)


def test_neighbouring_boxes_share_their_view() -> None:
    assert cover((500, 500, 560, 600), 352, 4000, 3000) == cover((507, 493, 566, 590), 352, 4000, 3000)


def test_a_cut_is_resized_as_pil_does_without_squashing() -> None:
    photo = np.zeros((100, 200, 3), np.uint8)
    photo[:, 100:] = 200
    picture = cut(photo, View(50, 0, 100), 50, MEAN)
    assert picture.shape == (50, 50, 3)
    assert (picture[:, :24] == 0).all()
    assert (picture[:, 26:] == 200).all()


def test_a_cut_beyond_the_photo_is_filled_with_the_mean_colour() -> None:
    photo = np.full((20, 40, 3), 255, np.uint8)
    picture = cut(photo, View(0, -10, 40), 40, MEAN)
    assert picture[0, 0].tolist() == [124, 116, 104]
    assert picture[20, 20].tolist() == [255, 255, 255]
