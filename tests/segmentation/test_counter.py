import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segmentation.clipseg import ClipSeg
from segmentation.counted import Question
from segmentation.counter import Counter
from segmentation.errors import BoxError, CheckpointError, TargetError
from segmentation.photo import Photo, decode_photo
from segmentation.place import Place
from segmentation.target import parse_target
from tests.segmentation.shelves import HEIGHT, WIDTH, pack, row_of, shelf, turned

FIRST = (20, 40, 20 + WIDTH, 40 + HEIGHT)


def photo(picture: np.ndarray) -> Photo:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return decode_photo(buffer.getvalue(), "shelf.png")


@pytest.fixture(scope="module")
def counter(tiny_checkpoint: Path) -> Counter:
    return Counter(str(tiny_checkpoint))


@pytest.fixture(scope="module")
def kippo() -> Photo:
    """Five large packs of Kippo, two of Murmo to their right."""
    big = [turned(pack(1, word="KIPPO"), scale=1.5), turned(pack(9, (30, 60, 200), word="MURMO"), scale=1.5)]
    placed = row_of(big[0], 5, top=60) + row_of(big[1], 2, left=20 + 5 * 180, top=60)
    return photo(shelf(placed, width=1320, height=420))


def test_a_named_product_is_read_and_repeated(counter: Counter, kippo: Photo) -> None:
    counted = counter.count(kippo, Question(parse_target("Kippo boxes")))
    assert len(counted.items) == 5
    assert all("label" in item.evidence or "repetition" in item.evidence for item in counted.items)
    assert counted.interval.low <= 5 <= counted.interval.high
    assert counted.presence > 0.9


def test_a_brand_that_is_not_there_is_zero_with_its_reason(counter: Counter, kippo: Photo) -> None:
    counted = counter.count(kippo, Question(parse_target("Nutella jars")))
    assert (len(counted.items), counted.interval.high) == (0, 0)
    assert "no label on the photo reads 'Nutella'" in counted.warnings


def test_an_example_counts_its_copies_without_any_name(counter: Counter) -> None:
    shown = photo(shelf(row_of(pack(1), 4) + row_of(pack(2, (30, 90, 180)), 2, left=20 + 4 * WIDTH)))
    counted = counter.count(shown, Question(parse_target("this box"), examples=((None, FIRST),)))
    assert len(counted.items) == 4


def test_sides_and_exclusions_drop_items_and_say_why(counter: Counter, kippo: Photo) -> None:
    left = counter.count(kippo, Question(parse_target("Kippo boxes"), places=(Place("left half"),)))
    assert len(left.items) == 4  # the fifth stands beyond the middle
    assert [dropped.reason for dropped in left.dropped].count("not in the left half") == 1
    none = counter.count(kippo, Question(parse_target("Kippo boxes"), exclude=(parse_target("Kippo"),)))
    assert len(none.items) == 0
    assert [dropped.reason for dropped in none.dropped].count("excluded: Kippo") == 5


def test_a_relation_is_resolved_by_the_other_thing(counter: Counter, kippo: Photo) -> None:
    question = Question(parse_target("Murmo boxes"), places=(Place("right of", "Kippo boxes"),))
    assert len(counter.count(kippo, question).items) == 2


def test_a_relation_without_its_other_thing_is_refused(counter: Counter, kippo: Photo) -> None:
    with pytest.raises(TargetError, match="needs the thing"):
        counter.count(kippo, Question(parse_target("Kippo boxes"), places=(Place("left of"),)))


@pytest.mark.parametrize(
    ("box", "complaint"),
    [((0, 0, 5000, 50), "does not lie on"), ((50, 50, 40, 90), "does not lie on"), ((5, 5, 9, 60), "under 8 px")],
)
def test_an_example_off_the_photo_is_refused(counter: Counter, kippo: Photo, box, complaint) -> None:
    with pytest.raises(BoxError, match=complaint):
        counter.count(kippo, Question(parse_target("this"), examples=((None, box),)))


def test_words_are_read_once_per_photo(counter: Counter, kippo: Photo) -> None:
    assert counter.words(kippo) is counter.words(kippo)


def test_weights_that_the_user_named_must_load() -> None:
    with pytest.raises(CheckpointError):
        Counter("no-such-folder").engine()


def test_without_weights_labels_still_count_and_the_record_says_so(kippo: Photo) -> None:
    def missing(_: str | None) -> ClipSeg:
        raise CheckpointError("not shipped")

    counted = Counter(load=missing).count(kippo, Question(parse_target("Kippo boxes")))
    assert len(counted.items) == 5
    assert any("no usable segmentation weights" in warning for warning in counted.warnings)


def test_stages_are_reported_and_timed(counter: Counter, kippo: Photo) -> None:
    stages: list[str] = []
    counted = counter.count(kippo, Question(parse_target("Kippo boxes")), lambda stage, share: stages.append(stage))
    assert stages == ["meaning", "labels", "repetition"]
    assert set(counted.seconds) == set(stages)
