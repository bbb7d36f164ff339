import numpy as np
import pytest

from segmentation.geometry import Box
from segmentation.heatmap import HeatMap, sigmoid

# One canvas pixel is 10 photo pixels; probabilities 0.5 and, at (x 2, y 1), 0.75.
LOGITS = np.zeros((2, 4), np.float32)
LOGITS[1, 2] = np.log(3)
HEAT = HeatMap(LOGITS, 10.0)


def test_the_sigmoid_of_large_numbers_is_0_or_1_without_a_warning() -> None:
    assert sigmoid(np.array([-1e9, 0, 1e9], np.float32)).tolist() == [0, 0.5, 1]


def test_a_point_is_read_in_photo_pixels() -> None:
    assert HEAT.at(25, 15) == pytest.approx(0.75)
    assert HEAT.at(19.9, 15) == pytest.approx(0.5)
    assert HEAT.at(-1, 5) == 0
    assert HEAT.at(40, 5) == 0


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((20, 10, 30, 20), 0.75),  # exactly one pixel
        ((20, 0, 30, 20), 0.625),  # a column
        ((19, 10, 30, 20), 0.625),  # touching a second pixel
        ((0, 0, 40, 20), 4.25 / 8),  # everything
        ((35, 15, 90, 90), 0.5),  # partly outside
        ((50, 0, 60, 10), 0.0),  # outside
        ((-30, -30, -10, -10), 0.0),
    ],
)
def test_a_box_scores_its_mean_probability(box: Box, expected: float) -> None:
    assert HEAT.score(box) == pytest.approx(expected)


def test_the_peak_is_not_stretched() -> None:
    assert HeatMap(np.full((3, 3), -4, np.float32), 1.0).peak == pytest.approx(0.018, abs=1e-3)
