import pytest

from segmentation.labels import ReadWord
from segmentation.print_match import find_label, similarity
from segmentation.target import parse_target


def words(*items: tuple[str, int, int]) -> list[ReadWord]:
    """Words of 60 x 20 px at (left, top)."""
    return [ReadWord(text, (x, y, x + 60, y + 20), 0.95) for text, x, y in items]


@pytest.mark.parametrize(
    ("wanted", "read", "matches"),
    [
        ("sunkist", "sinkist", True),  # one letter misread
        ("heinz", "hein", True),  # clipped
        ("heinz", "beanz", False),
        ("timtam", "timtam2x", True),  # joined to other print
        ("bottle", "bottles", True),
        ("glad", "giad", True),
        ("tea", "team", True),  # weak: counts only when there are two
        ("tea", "steak", False),
        ("nutella", "nestle", False),
        ("pringles", "tingels", False),
    ],
)
def test_readings_match_wanted_words_within_reason(wanted, read, matches) -> None:
    assert (similarity(wanted, read) >= 0.72) is matches


def test_the_rarest_word_marks_the_packs() -> None:
    read = words(("Heinz", 0, 0), ("Lentil", 0, 25), ("Heinz", 200, 0), ("Tomato", 200, 25), ("Heinz", 400, 0))
    label = find_label(parse_target("Heinz lentil soup cans"), read)
    assert [hit.box[:2] for hit in label.hits] == [(0, 25)]
    assert label.variant
    assert label.missing == ("soup",)


def test_a_brand_that_is_not_read_gives_no_hits_however_well_its_contents_are_read() -> None:
    label = find_label(parse_target("Campbell's tomato soup cans"), words(("Tomato", 0, 0), ("Soup", 0, 25)))
    assert label.hits == ()
    assert label.presence == 0.0


def test_one_poor_reading_proves_nothing_and_two_do() -> None:
    target = parse_target("Spar bags")
    assert find_label(target, words(("Spax", 0, 0))).hits == ()
    assert len(find_label(target, words(("Spax", 0, 0), ("Spax", 300, 0))).hits) == 2


def test_both_words_of_a_brand_on_one_line_are_one_hit() -> None:
    label = find_label(parse_target("Tim Tam packs"), words(("Tim", 0, 0), ("Tam", 62, 0), ("TimTam", 300, 0)))
    assert len(label.hits) == 2


def test_short_brand_words_that_never_stand_together_are_not_the_brand() -> None:
    label = find_label(parse_target("Fresh Step bags"), words(("FRESH", 0, 0), ("Step", 600, 400)))
    assert label.hits == ()


def test_other_readings_of_a_place_count_too() -> None:
    word = ReadWord("Sukis7", (0, 0, 60, 20), 0.9, also=(ReadWord("Sunkist", (0, 0, 60, 20), 0.8),))
    assert len(find_label(parse_target("Sunkist bottles"), [word]).hits) == 1


def spelt(text: str, left: int, top: int = 0, width: int = 10) -> ReadWord:
    """A word whose letters are `width` px wide and 20 px high."""
    letters = tuple((left + width * i, top, left + width * (i + 1), top + 20) for i in range(len(text)))
    return ReadWord(text, (left, top, left + width * len(text), top + 20), 0.95, letters=letters)


def test_words_of_two_packs_that_were_run_together_are_two_hits() -> None:
    hits = find_label(parse_target("Pocky boxes"), [spelt("Pockypocky", 0)]).hits
    assert sorted(hit.box for hit in hits) == [(0, 0, 50, 20), (50, 0, 100, 20)]


def test_a_hit_is_as_large_as_its_word_and_not_as_the_reading() -> None:
    (hit,) = find_label(parse_target("Tilda rice"), [spelt("xxTILDA365", 0)]).hits
    assert hit.box == (20, 0, 70, 20)


def test_a_word_that_is_printed_again_on_the_next_line_is_one_hit() -> None:
    words = [spelt("KOWO", 0, 0), spelt("KOWO", 4, 24), spelt("KOWO", 0, 120)]
    assert sorted(hit.box for hit in find_label(parse_target("Kowo bags"), words).hits) == [
        (0, 0, 44, 44),
        (0, 120, 40, 140),
    ]


def test_a_detail_that_is_read_nowhere_is_told() -> None:
    words = [spelt("HEINZ", 0), spelt("BEANS", 0, 30)]
    assert find_label(parse_target("Heinz organic beans"), words).unread == ("organic",)
    assert find_label(parse_target("Heinz beans"), words).unread == ()
