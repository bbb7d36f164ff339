from pathlib import Path

import numpy as np
import pytest

from segmentation.clipseg import ClipSeg
from segmentation.counted import Question
from segmentation.counter import Counter
from segmentation.errors import TargetError
from segmentation.meaning import survey
from segmentation.photo import read_photo
from segmentation.target import parse_target
from segmentation.tuning import tune

BOX = (20, 20, 60, 90)


@pytest.fixture
def engine(tiny_checkpoint: Path) -> ClipSeg:
    return ClipSeg.load(tiny_checkpoint, "cpu")


def shelf() -> np.ndarray:
    """A grey photo of 120 x 120 px with one red pack in BOX."""
    pixels = np.full((120, 120, 3), 128, np.uint8)
    pixels[BOX[1] : BOX[3], BOX[0] : BOX[2]] = (200, 20, 30)
    return pixels


def test_the_example_lights_up_more_than_under_the_words_alone() -> None:
    engine = ClipSeg.load(None, "cpu")  # random weights hardly answer to their condition
    words = engine.text(["red can"])
    fitted = tune(engine, shelf(), [BOX], words)
    before, after = (survey(engine, shelf(), conditions)[0].score(BOX) for conditions in (words, fitted))
    assert after > before
    assert fitted.names == ("red can + example",)


def test_the_same_example_gives_the_same_condition(engine: ClipSeg) -> None:
    words = engine.text(["red can"])
    one, other = (tune(engine, shelf(), [BOX], words).vectors for _ in range(2))
    assert np.array_equal(one, other)


def test_an_example_too_small_to_be_seen_leaves_the_words(engine: ClipSeg) -> None:
    words = engine.text(["red can"])
    assert np.array_equal(tune(engine, shelf(), [(0, 0, 0, 0)], words).vectors, words.vectors)


def test_fitting_for_a_colour_is_warned_of(tiny_checkpoint: Path, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(shelf()).save(tmp_path / "shelf.png")
    photo = read_photo(tmp_path / "shelf.png")
    counter = Counter(str(tiny_checkpoint))

    def warned(target: str) -> bool:
        question = Question(parse_target(target), examples=((None, BOX),), tune=True)
        return any("of one colour" in warning for warning in counter.count(photo, question).warnings)

    assert warned("red cans")
    assert not warned("cans")


def test_fitting_needs_a_box_on_the_photo_itself(tiny_checkpoint: Path, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(shelf()).save(tmp_path / "shelf.png")
    photo = read_photo(tmp_path / "shelf.png")
    question = Question(parse_target("red cans"), tune=True)
    with pytest.raises(TargetError, match="on the photo itself"):
        Counter(str(tiny_checkpoint)).count(photo, question)
