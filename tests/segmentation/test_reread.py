"""Words read again on copies, with a reader that looks the text up by the colour of the line."""

from collections.abc import Sequence

import numpy as np
import pytest

from segmentation.reread import LINE_HEIGHT, WordCheck

WORD = (10, 10, 50, 20)
READS = {10: ("LENTIL", 0.95), 20: ("MUSHROOM", 0.95), 30: ("MVSHR", 0.95), 40: ("MUSHROOM", 0.4), 50: ("lentll", 0.5)}


def photo(*greys: int) -> np.ndarray:
    """Packs of 60 x 40 px side by side, each of one grey that stands for what is printed on it."""
    return np.repeat(
        np.concatenate([np.full((40, 60), grey, np.uint8) for grey in greys], axis=1)[..., None], 3, axis=2
    )


def recognise(lines: Sequence[np.ndarray]) -> list[tuple[str, float]]:
    assert all(line.shape[0] == LINE_HEIGHT for line in lines)
    return [READS[int(line[line.shape[0] // 2, line.shape[1] // 2, 0])] for line in lines]


def onto(pack: int) -> np.ndarray:
    return np.array([[1, 0, 60 * pack], [0, 1, 0]], np.float32)


@pytest.mark.parametrize(
    ("grey", "verdict"),
    [
        (10, "same"),
        (20, "other"),  # a word that stands elsewhere on the photo too
        (30, "unclear"),  # no word that is known: a misreading
        (40, "unclear"),  # too unsure
        (50, "same"),
    ],
)
def test_what_stands_on_a_copy(grey: int, verdict: str) -> None:
    picture = photo(10, grey)
    check = WordCheck(recognise, picture, "lentil", WORD, picture, ["mushroom", "soup"])
    assert [reread.verdict for reread in check.at([onto(1)])] == [verdict]


def test_a_word_that_is_not_read_on_the_example_judges_nothing() -> None:
    picture = photo(20, 10)
    check = WordCheck(recognise, picture, "lentil", WORD, picture, ["mushroom"])
    assert not check.usable
    assert [reread.verdict for reread in check.at([onto(1)])] == ["unclear"]


def test_a_word_that_runs_downwards_is_turned_upright() -> None:
    lengths = []

    def measure(lines: Sequence[np.ndarray]) -> list[tuple[str, float]]:
        lengths.extend(line.shape[1] for line in lines)
        return [("LENTIL", 0.9)] * len(lines)

    picture = photo(10, 10)
    WordCheck(measure, picture, "lentil", (20, 2, 28, 38), picture)
    assert lengths[0] > 3 * LINE_HEIGHT
