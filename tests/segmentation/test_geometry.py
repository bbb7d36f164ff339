import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.geometry import area, clip, grow, intersection, iou, overlap_of_smaller, union

coordinate = st.integers(-200, 200)
boxes = st.tuples(coordinate, coordinate, st.integers(1, 150), st.integers(1, 150)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@pytest.mark.parametrize(
    ("a", "b", "shared", "over_union", "over_smaller"),
    [
        ((0, 0, 10, 10), (5, 5, 15, 15), 25, 25 / 175, 0.25),
        ((0, 0, 10, 10), (2, 2, 4, 4), 4, 0.04, 1.0),  # one holds the other
        ((0, 0, 10, 10), (10, 0, 20, 10), 0, 0.0, 0.0),  # they touch
    ],
)
def test_overlaps_of_boxes_worked_out_by_hand(a, b, shared, over_union, over_smaller) -> None:
    assert intersection(a, b) == shared
    assert iou(a, b) == pytest.approx(over_union)
    assert overlap_of_smaller(a, b) == pytest.approx(over_smaller)


@given(boxes, boxes)
def test_overlaps_are_symmetric_and_bounded(a, b) -> None:
    assert 0 <= iou(a, b) == iou(b, a) <= overlap_of_smaller(a, b) <= 1
    assert area(union(a, b)) >= max(area(a), area(b))


@given(boxes)
def test_a_clipped_box_lies_on_the_picture_and_growing_keeps_the_middle(box) -> None:
    x0, y0, x1, y1 = clip(box, 100, 80)
    assert 0 <= x0 <= x1 <= 100
    assert 0 <= y0 <= y1 <= 80
    grown = grow(box, 0.5)
    assert abs((grown[0] + grown[2]) - (box[0] + box[2])) <= 1
