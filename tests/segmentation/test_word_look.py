import cv2
import numpy as np
import pytest

from segmentation.search import SAME_LOOK
from segmentation.word_look import WordLook


def shelf(*words: str, size: float = 1.0) -> np.ndarray:
    """(120, 240 per word, 3): each word on a light pack of its own, at (20, 80) of the pack."""
    picture = np.full((120, 240 * len(words), 3), 225, np.uint8)
    for index, word in enumerate(words):
        cv2.putText(
            picture, word, (240 * index + 20, 80), cv2.FONT_HERSHEY_DUPLEX, 1.5 * size, (40, 30, 90), 3, cv2.LINE_AA
        )
    return picture


WORD = (18, 42, 170, 86)  # around the word on the first pack
NEXT = np.array([[1, 0, 240], [0, 1, 0]], np.float32)  # from the first pack onto the second


@pytest.mark.parametrize(
    ("second", "least", "most"),
    [
        ("HARKA", 0.9, 1.0),
        ("VOLIN", -1.0, 0.6),  # another word in the same letters
        ("", -1.0, 0.2),  # nothing
    ],
)
def test_a_word_is_told_from_another_by_its_look(second: str, least: float, most: float) -> None:
    picture = shelf("HARKA", second)
    look = WordLook(picture, WORD, picture).at(NEXT)
    assert look is not None
    assert least <= look <= most


def test_a_copy_may_stand_a_little_off_and_be_a_little_larger() -> None:
    picture = shelf("HARKA", "HARKA")
    picture[:, 240:] = np.roll(picture[:, 240:], (6, -8), axis=(0, 1))
    larger = shelf("HARKA", size=1.08)
    moved = WordLook(picture, WORD, picture).at(NEXT)
    grown = WordLook(picture, WORD, larger).at(np.array([[1, 0, 0], [0, 1, 0]], np.float32))
    assert moved is not None
    assert moved > 0.9
    assert grown is not None
    assert grown > 0.8


def test_of_a_word_that_the_frame_cuts_the_rest_is_compared() -> None:
    picture = shelf("HARKA", "HARKA")[:, :320]  # of the second word two letters are left
    other = shelf("HARKA", "VOLIN")[:, :320]
    same, different = (WordLook(p, WORD, p).at(NEXT) for p in (picture, other))
    assert same is not None
    assert different is not None
    assert same > 0.9
    assert different < SAME_LOOK


def test_a_place_off_the_photo_is_not_judged() -> None:
    picture = shelf("HARKA")
    assert WordLook(picture, WORD, picture).at(NEXT) is None


def test_a_word_too_faint_to_see_judges_nothing() -> None:
    plain = np.full((120, 240, 3), 225, np.uint8)
    assert not WordLook(plain, WORD, plain).usable
    assert WordLook(shelf("HARKA"), WORD, plain).usable
