from segmentation.finds import Find
from segmentation.interval import Interval, search_interval
from segmentation.likeness import Likeness
from segmentation.print_match import LabelHit

ALIKE = Likeness(print=0.8, colour=8.0)
HIT = LabelHit((0, 0, 10, 5), 0.95, ("KIPPO",))


def find(strength: float, hit: LabelHit | None = None, votes: int = 20, contradiction: str | None = None) -> Find:
    return Find((0, 0, 10, 10), strength, votes, ALIKE, hit=hit, contradiction=contradiction)


def test_sure_finds_leave_no_doubt() -> None:
    assert search_interval([find(4.0), find(0.5, HIT)], []) == Interval(2, 2)


def test_a_weak_find_lowers_and_a_near_miss_raises() -> None:
    assert search_interval([find(4.0), find(1.6)], [find(1.0)]) == Interval(1, 3)


def test_what_reads_otherwise_is_no_near_miss() -> None:
    assert search_interval([find(4.0)], [find(2.0, contradiction="SOLO")]) == Interval(1, 1)


def test_a_filter_shrinks_both_ends_in_proportion_and_keeps_the_count_inside() -> None:
    assert Interval(8, 12).moved(10, 5) == Interval(4, 6)
    assert Interval(2, 3).moved(3, 0) == Interval(0, 0)
