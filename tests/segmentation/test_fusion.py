import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segmentation.fusion import LARGEST_SIDE, LIMIT, Canvas
from segmentation.views import View, overview


def flat(value: float, size: int = 32) -> NDArray[np.float32]:
    return np.full((size, size), value, np.float32)


def test_views_that_agree_leave_no_seam() -> None:
    canvas = Canvas(600, 400)
    for view in overview(600, 400):
        canvas.add(view, flat(1.5))
    np.testing.assert_allclose(canvas.heat().logits, 1.5, atol=1e-5)


def test_in_an_overlap_the_view_whose_middle_is_nearer_counts_more() -> None:
    canvas = Canvas(700, 400)
    canvas.add(View(0, 0, 400), flat(0.0))
    canvas.add(View(300, 0, 400), flat(4.0))
    row = canvas.heat().logits[200]
    assert row[100] == pytest.approx(0)
    assert row[600] == pytest.approx(4)
    assert row[349] + row[350] == pytest.approx(4, abs=0.01)  # the middle of the overlap
    assert (np.diff(row[300:400]) > 0).all()


def test_a_closer_view_outweighs_the_view_it_was_taken_from() -> None:
    canvas = Canvas(400, 400)
    canvas.add(View(0, 0, 400), flat(-1.0))
    canvas.add(View(100, 100, 200), flat(3.0), weight=4.0)
    logits = canvas.heat().logits
    assert logits[200, 200] == pytest.approx((-1 + 4 * 3) / 5, abs=1e-3)  # both windows are 1 there
    assert logits[50, 50] == pytest.approx(-1)


def test_logits_land_where_the_view_was() -> None:
    logits = flat(-5.0, 352)
    logits[100:140, 200:260] = 5  # of a view of 704 photo px that begins at (300, 50)
    canvas = Canvas(1400, 1000)
    canvas.add(View(300, 50, 704), logits)
    ys, xs = np.nonzero(canvas.heat().logits > 0)
    scale = canvas.scale
    assert abs(xs.min() * scale - 700) <= 2
    assert abs((xs.max() + 1) * scale - 820) <= 2
    assert abs(ys.min() * scale - 250) <= 2
    assert abs((ys.max() + 1) * scale - 330) <= 2


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [
        (4032, 3024, (1536, LARGEST_SIDE)),
        (30000, 30000, (LARGEST_SIDE, LARGEST_SIDE)),  # memory does not grow with the photo
        (224, 224, (352, 352)),  # as fine as the model's masks
        (1000, 500, (500, 1000)),
        (9000, 40, (9, LARGEST_SIDE)),
    ],
)
def test_the_canvas_is_bounded(width: int, height: int, shape: tuple[int, int]) -> None:
    canvas = Canvas(width, height)
    assert canvas.heat().logits.shape == shape
    assert (canvas.heat().logits == -LIMIT).all()  # nothing was looked at: absent


def test_numbers_that_are_not_finite_become_absent_or_certain(caplog: pytest.LogCaptureFixture) -> None:
    logits = flat(0.0)
    logits[:8], logits[8:16], logits[16:24] = np.nan, np.inf, -np.inf
    canvas = Canvas(400, 400)
    with caplog.at_level(logging.WARNING):
        canvas.add(View(0, 0, 400), logits)
    column = canvas.heat().logits[:, 200]
    assert np.isfinite(column).all()
    assert (column[20], column[150], column[250], column[380]) == pytest.approx((-LIMIT, LIMIT, -LIMIT, 0))
    assert "not finite" in caplog.text


@settings(deadline=None, max_examples=50)
@given(st.integers(20, 3000), st.integers(20, 3000), st.floats(-15, 15))
def test_an_overview_of_any_photo_covers_the_whole_canvas(width: int, height: int, value: float) -> None:
    canvas = Canvas(width, height)
    for view in overview(width, height):
        canvas.add(view, flat(value, 8))
    np.testing.assert_allclose(canvas.heat().logits, value, atol=1e-3)
