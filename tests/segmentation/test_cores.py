"""Tiny maps of logits, worked out by hand. Tokens of a tenth of a pixel: nothing is smoothed."""

import numpy as np
import pytest

from segmentation.cores import find_cores

FINE = 0.1


def cores(rows: list[str], rise: float, floor: float = 1.0) -> list[str]:
    """Digits are logits; what belongs to no core comes back as a dot."""
    found = find_cores(np.array([[float(mark) for mark in row] for row in rows], np.float32), floor, rise, FINE)
    return ["".join("." if label == 0 else chr(96 + label) for label in row) for row in found]


@pytest.mark.parametrize(
    ("rows", "rise", "expected"),
    [
        (["0550550"], 3.0, [".aa.bb."]),  # below the floor between them
        (["0662660"], 3.0, [".aa.bb."]),  # the saddle at 2 is 4 below both peaks
        (["0662660"], 5.0, [".aaaaa."]),  # and not 5
        (["0552430"], 3.0, [".aaaaa."]),  # the right peak rises by 2 only
        (["0110550"], 3.0, ["....aa."]),  # what hardly rises above the floor is no core
        (["0000000"], 3.0, ["......."]),
        (["5555555"], 3.0, ["aaaaaaa"]),
        (["0826280"], 3.0, [".a.b.c."]),  # three, the middle one lower than its neighbours
        (["0837380"], 3.0, [".a.b.c."]),
        (["0846480"], 3.0, [".a...b."]),  # and here too low to be one
    ],
)
def test_peaks_stay_apart_that_rise_far_enough_above_their_saddle(
    rows: list[str], rise: float, expected: list[str]
) -> None:
    assert cores(rows, rise) == expected


def test_a_core_is_as_large_as_it_stands_alone() -> None:
    assert cores(["1111111", "1451541", "1111111"], 3.0) == [".......", ".aa.bb.", "......."]


def test_the_texture_of_tokens_is_no_core_of_its_own() -> None:
    tiles = np.full((64, 128), 4.0, np.float32)
    tiles[:, 15::16] = tiles[15::16] = 0.5  # every token fades at its rim
    assert len(np.unique(find_cores(tiles, -0.6, 2.0, 0.1))) > 9
    assert np.unique(find_cores(tiles, -0.6, 2.0, 16)).tolist() == [1]


def test_two_packs_of_several_tokens_are_two_cores_on_a_coarser_grid() -> None:
    logits = np.full((96, 160), -4.0, np.float32)
    logits[16:80, 16:76] = logits[16:80, 84:144] = 4.0
    logits[16:80, 72:88] = -0.5  # a seam of a token
    found = find_cores(logits, -0.6, 2.0, 16)
    assert found.shape == logits.shape
    assert sorted(np.unique(found).tolist()) == [0, 1, 2]
    assert set(np.unique(found[40, 20:70])) == {1}
    assert set(np.unique(found[40, 90:140])) == {2}
