import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from segmentation.chunks import find_chunks, hysteresis
from segmentation.heatmap import HeatMap


def heat(rows: list[str], scale: float = 1.0) -> HeatMap:
    """A map drawn with digits: 7 is a probability of 0.7, a point is 0.01."""
    drawn = [[0.01 if mark == "." else int(mark) / 10 for mark in row] for row in rows]
    probability = np.array(drawn, np.float32)
    return HeatMap(np.log(probability / (1 - probability)), scale)


def test_a_chunk_spreads_from_its_seed_down_to_the_grow_threshold() -> None:
    found = find_chunks(heat([".....", ".393.", ".....", "..3..", "4...."]), 0.5, 0.25, 0)
    assert [chunk.box for chunk in found] == [(1, 1, 4, 2)]  # the 3 and the 4 have no seed
    assert found[0].area == 3
    assert found[0].peak == pytest.approx(0.9)
    assert found[0].mean == pytest.approx(0.5)


def test_corners_do_not_join() -> None:
    assert len(find_chunks(heat(["99..", "99..", "..99", "..99"]), 0.5, 0.2, 0)) == 2


def test_boxes_and_areas_are_in_photo_pixels() -> None:
    (chunk,) = find_chunks(heat(["....", ".99."], scale=2.5), 0.5, 0.2, 0)
    assert (chunk.box, chunk.area) == ((2, 2, 8, 5), 12.5)


def test_a_speck_is_kept_only_when_it_is_certain() -> None:
    rows = ["6....9....777", "..........777", "..........777"]
    boxes = [chunk.box for chunk in find_chunks(heat(rows), 0.5, 0.2, smallest=4)]
    assert boxes == [(10, 0, 13, 3), (5, 0, 6, 1)]


def test_the_better_and_the_usual_size_come_first() -> None:
    rows = [
        "99..88..6666666",
        "99..88..6666666",
        "........6666666",
        "77......6666666",
        "77......6666666",
    ]
    boxes = [chunk.box[:2] for chunk in find_chunks(heat(rows), 0.5, 0.2, 0)]
    assert boxes == [(0, 0), (4, 0), (0, 3), (8, 0)]


@pytest.mark.parametrize("value", [".", "3"])
def test_a_flat_map_below_the_seed_has_no_chunk(value: str) -> None:
    assert find_chunks(heat([value * 6] * 4), 0.5, 0.2, 0) == ()


def test_a_flat_map_above_the_seed_is_one_chunk() -> None:
    (chunk,) = find_chunks(heat(["6" * 6] * 4), 0.5, 0.2, 0)
    assert chunk.box == (0, 0, 6, 4)


@settings(deadline=None)
@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(0, 1, width=32))
)
def test_every_part_stays_above_grow_and_reaches_the_seed(probability: NDArray[np.float32]) -> None:
    labels, statistics, peaks = hysteresis(probability, 0.5, 0.25)
    assert len(statistics) == len(peaks) == labels.max()
    assert (probability[labels > 0] >= 0.25).all()
    assert (labels[probability >= 0.5] > 0).all()  # no seed is lost
    for index in range(1, labels.max() + 1):
        assert probability[labels == index].max() == peaks[index - 1] >= 0.5
        assert (labels == index).sum() == statistics[index - 1][4]
