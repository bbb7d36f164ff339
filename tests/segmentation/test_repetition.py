import numpy as np
import pytest

from segmentation.keypoints import KeypointCache, find_keypoints, working_scale
from segmentation.repetition import cast_votes, chance_level, find_peaks, make_example
from tests.segmentation.shelves import HEIGHT, WIDTH, pack, row_of, shelf, turned


def strong_peaks(picture, box, share: float = 0.15):
    """Peaks with at least that share of the example's keypoints."""
    keypoints = find_keypoints(picture, working_scale(box, picture.shape[1], picture.shape[0]))
    example = make_example(box, keypoints)
    peaks = find_peaks(cast_votes(example, keypoints), keypoints)
    return [peak for peak in peaks if peak.votes >= share * len(example.indices)]


def test_touching_packs_are_found_one_by_one() -> None:
    picture = shelf(row_of(pack(1), 6))
    peaks = strong_peaks(picture, (20, 40, 20 + WIDTH, 40 + HEIGHT))
    lefts = sorted(round(peak.centre[0]) for peak in peaks)
    assert lefts == pytest.approx([20 + WIDTH * i + WIDTH / 2 for i in range(6)], abs=4)


def test_two_rows_are_not_merged() -> None:
    picture = shelf(row_of(pack(2), 4, top=20) + row_of(pack(2), 3, top=20 + HEIGHT))
    peaks = strong_peaks(picture, (20, 20, 20 + WIDTH, 20 + HEIGHT))
    assert len(peaks) == 7


@pytest.mark.parametrize("degrees", [-5, 5])
def test_a_pack_turned_by_five_degrees_is_found(degrees) -> None:
    picture = shelf([*row_of(pack(3), 2), (turned(pack(3), degrees), 500, 60)])
    peaks = strong_peaks(picture, (20, 40, 20 + WIDTH, 40 + HEIGHT))
    assert len(peaks) == 3


@pytest.mark.parametrize("scale", [0.8, 0.9, 1.1, 1.25])
def test_copies_of_another_size_are_found_with_their_box(scale) -> None:
    copy = turned(pack(4), scale=scale)
    picture = shelf([*row_of(pack(4), 2), (copy, 500, 60)])
    peaks = strong_peaks(picture, (20, 40, 20 + WIDTH, 40 + HEIGHT))
    assert len(peaks) == 3
    found = min(peaks, key=lambda peak: abs(peak.centre[0] - 500 - copy.shape[1] / 2))
    assert found.scale == pytest.approx(scale, abs=0.06)
    assert found.box[2] - found.box[0] == pytest.approx(WIDTH * scale, abs=10)


def test_other_products_stay_near_the_chance_level() -> None:
    picture = shelf(row_of(pack(5), 2) + row_of(pack(6, (40, 60, 200)), 3, left=400))
    box = (20, 40, 20 + WIDTH, 40 + HEIGHT)
    keypoints = find_keypoints(picture, working_scale(box, 900, 500))
    votes = cast_votes(make_example(box, keypoints), keypoints)
    peaks = find_peaks(votes, keypoints)
    level = chance_level(votes, keypoints, [peak.box for peak in peaks[:2]])
    assert [peak.votes > 4 * level for peak in peaks[:2]] == [True, True]
    assert all(peak.votes < 2.5 * level for peak in peaks[2:])


def test_a_blank_example_finds_nothing_and_breaks_nothing() -> None:
    picture = np.full((300, 300, 3), 120, np.uint8)
    keypoints = find_keypoints(picture, 1.0)
    example = make_example((10, 10, 100, 100), keypoints)
    votes = cast_votes(example, keypoints)
    assert find_peaks(votes, keypoints) == ()
    assert chance_level(votes, keypoints) == 3.0


def test_keypoints_of_a_photo_are_found_once_and_the_oldest_forgotten() -> None:
    cache = KeypointCache(entries=2)
    picture = shelf(row_of(pack(7), 2), width=400, height=300)
    first = cache.get("a", picture, 1.0)
    assert cache.get("a", picture, 1.0) is first
    cache.get("b", picture, 1.0)
    cache.get("c", picture, 1.0)
    assert cache.get("a", picture, 1.0) is not first


def test_tiled_keypoints_lie_where_untiled_ones_would(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = shelf(row_of(pack(8), 6))
    whole = find_keypoints(picture, 1.0)
    monkeypatch.setattr("segmentation.keypoints.TILE", 300)
    tiled = find_keypoints(picture, 1.0)
    near = np.abs(whole.xy[:, None] - tiled.xy[None]).sum(axis=2).min(axis=1) < 1.5
    assert near.mean() > 0.95
    assert abs(len(tiled) - len(whole)) < 0.05 * len(whole)
