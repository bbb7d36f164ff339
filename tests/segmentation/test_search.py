import numpy as np
import pytest

from segmentation.finds import Origin, Source
from segmentation.keypoints import KeypointCache
from segmentation.labels import ReadWord
from segmentation.print_match import LabelEvidence, find_label
from segmentation.search import PackSearch, word_window
from segmentation.target import parse_target
from tests.segmentation.shelves import HEIGHT, WIDTH, pack, recoloured, row_of, shelf

NOTHING = LabelEvidence((), (), (), 0.0)
FIRST = (20, 40, 20 + WIDTH, 40 + HEIGHT)
EXAMPLE = Source(FIRST, Origin.USER)


def found(picture, words=(), label=NOTHING, source=EXAMPLE, coloured=False) -> list[int]:
    """Left edges of what is found, rounded to packs."""
    search = PackSearch(picture, "photo", words, label, KeypointCache(), coloured=coloured)
    return sorted(round((find.box[0] - 20) / WIDTH) for find in search.run([source]).found)


def read(word: str, left: int, top: int = 40) -> ReadWord:
    """A word where tests.segmentation.shelves.pack prints it on a pack at (left, top)."""
    return ReadWord(word, (left + 10, top + 22, left + 100, top + 48), 0.95)


@pytest.mark.parametrize("count", [1, 2, 5, 7])
def test_all_copies_of_an_example_are_found(count) -> None:
    assert found(shelf(row_of(pack(1), count))) == list(range(count))


def test_other_products_are_not_copies() -> None:
    picture = shelf(row_of(pack(1), 3) + row_of(pack(2, (30, 90, 180)), 3, left=20 + 3 * WIDTH))
    assert found(picture) == [0, 1, 2]


def test_a_recoloured_variant_is_another_product_when_a_colour_is_asked_for() -> None:
    picture = shelf(row_of(pack(1), 2) + row_of(recoloured(pack(1), 60), 2, left=20 + 2 * WIDTH))
    assert found(picture, coloured=True) == [0, 1]


def test_print_that_reads_otherwise_contradicts() -> None:
    lentil, mushroom = pack(1, word="LENTIL"), pack(1, word="MUSHRM")
    picture = shelf(row_of(lentil, 2) + row_of(mushroom, 2, left=20 + 2 * WIDTH))
    words = [read("LENTIL", 20), read("LENTIL", 140), read("MUSHROOM", 260), read("MUSHROOM", 380)]
    label = find_label(parse_target("Lentil cans"), words)
    assert found(picture, words, label) == [0, 1]


def test_variants_of_a_brand_are_found_through_their_label() -> None:
    red, blue = pack(1, word="KIPPO"), pack(9, (30, 60, 200), word="KIPPO")
    picture = shelf(row_of(red, 2) + row_of(blue, 2, left=20 + 2 * WIDTH))
    words = [read("KIPPO", 20 + WIDTH * i) for i in range(4)]
    label = find_label(parse_target("Kippo boxes"), words)
    assert found(picture, words, label) == [0, 1, 2, 3]


def test_packs_whose_word_was_not_read_are_found_from_one_that_was() -> None:
    picture = shelf(row_of(pack(1, word="KIPPO"), 5))
    words = [read("KIPPO", 20 + 2 * WIDTH)]
    label = find_label(parse_target("Kippo boxes"), words)
    search = PackSearch(picture, "photo", words, label, KeypointCache())
    assert len(search.run([]).found) == 5


def found_by_words(picture, words) -> list[int]:
    """Left edges of what is found without an example, rounded to packs."""
    search = PackSearch(
        picture, "photo", words, find_label(parse_target("Kippo boxes"), words), KeypointCache(), coloured=False
    )
    return sorted(round((find.centre[0] - 80) / WIDTH) for find in search.run([]).found)


def test_a_variant_of_the_same_design_is_told_apart_by_the_look_of_its_word() -> None:
    kippo, volin = pack(1, word="KIPPO"), pack(1, word="VOLIN")
    picture = shelf(row_of(kippo, 2) + row_of(volin, 2, left=20 + 2 * WIDTH))
    assert found_by_words(picture, [read("KIPPO", 20)]) == [0, 1]


def test_a_pack_whose_word_is_hidden_counts_between_two_that_show_it() -> None:
    kippo = pack(1, word="KIPPO")
    hidden = kippo.copy()
    hidden[12:58] = (240, 220, 40)  # a price sign
    left, right = read("KIPPO", 20), read("KIPPO", 20 + 2 * WIDTH)
    between = shelf([(kippo, 20, 40), (hidden, 20 + WIDTH, 40), (kippo, 20 + 2 * WIDTH, 40)])
    assert found_by_words(between, [left, right]) == [0, 1, 2]
    at_the_end = shelf([(kippo, 20, 40), (kippo, 20 + WIDTH, 40), (hidden, 20 + 2 * WIDTH, 40)])
    assert found_by_words(at_the_end, [left, read("KIPPO", 20 + WIDTH)]) == [0, 1]


def test_an_example_from_another_photo_is_found_here() -> None:
    own = shelf([(pack(1), 20, 40)], width=300, height=300)
    picture = shelf(row_of(pack(1), 4) + row_of(pack(2), 2, left=20 + 4 * WIDTH))
    source = Source(FIRST, Origin.USER, own, "other")
    assert found(picture, source=source) == [0, 1, 2, 3]


def test_the_window_about_a_word_ends_half_way_to_its_neighbours() -> None:
    words = [read("KIPPO", 20), read("KIPPO", 20 + WIDTH)]
    hits = find_label(parse_target("Kippo boxes"), words).hits
    left, right = (word_window(hit, hits) for hit in hits)
    assert left[2] == right[0]


def test_a_word_on_a_pack_without_print_to_vote_with_still_counts() -> None:
    plain = np.full((400, 400, 3), 200, np.uint8)
    label = find_label(parse_target("Kippo boxes"), [ReadWord("KIPPO", (100, 100, 180, 124), 0.95)])
    search = PackSearch(plain, "plain", [], label, KeypointCache())
    assert len(search.run([]).found) == 1
