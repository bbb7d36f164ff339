import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.labels import OVERLAP, TILE, LabelReader, ReadWord, merge_words, reading_scales, split_line, tiles


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 6000), st.integers(1, 5000))
def test_tiles_cover_the_picture_and_stay_small(width, height) -> None:
    picture = np.zeros((height, width, 1), np.uint8)
    seen = np.zeros((height, width), bool)
    for x, y, tile in tiles(picture):
        assert max(tile.shape[:2]) <= TILE + OVERLAP
        seen[y : y + tile.shape[0], x : x + tile.shape[1]] = True
    assert seen.all()


@pytest.mark.parametrize(
    ("size", "scales"),
    [
        ((640, 480), (1400 / 640, 4.0)),  # enlarged: small photos hold small print
        ((2800, 2100), (0.5, 1.0)),
        ((200, 200), (4.0,)),  # both readings would be the same
    ],
)
def test_a_photo_is_read_small_and_large(size, scales) -> None:
    assert reading_scales(*size) == pytest.approx(scales)


def test_a_line_is_split_into_words_by_character_position() -> None:
    quad = np.array([[0, 0], [100, 0], [100, 20], [0, 20]], np.float32)
    assert split_line(quad, "Baked Bean", 0.9) == [
        ReadWord("Baked", (0, 0, 50, 20), 0.9),
        ReadWord("Bean", (60, 0, 100, 20), 0.9),
    ]


def test_a_word_lies_where_its_letters_do() -> None:
    quad = np.array([[0, 0], [100, 40], [100, 60], [0, 20]], np.float32)
    letters = [(0, 0, 10, 24), (12, 4, 20, 28), (60, 24, 68, 48), (70, 28, 80, 52)]
    words = split_line(quad, "no 42", 0.9, letters)
    assert [(word.text, word.box) for word in words] == [("no", (0, 0, 20, 28)), ("42", (60, 24, 80, 52))]
    assert words[1].letters == tuple(letters[2:])


def test_letters_of_another_number_are_left_aside() -> None:
    quad = np.array([[0, 0], [100, 0], [100, 20], [0, 20]], np.float32)
    assert split_line(quad, "Bean", 0.9, [(0, 0, 10, 20)]) == [ReadWord("Bean", (0, 0, 100, 20), 0.9)]


def test_readings_of_one_place_are_kept_together() -> None:
    sure, other = ReadWord("Sunkist", (0, 0, 70, 20), 0.9), ReadWord("Sunk", (2, 0, 60, 20), 0.8)
    far = ReadWord("Solo", (200, 0, 240, 20), 0.9)
    merged = merge_words([other, far, sure])
    assert [(word.text, word.also) for word in merged] == [("Sunkist", (other,)), ("Solo", ())]


def test_printed_words_are_read_where_they_stand() -> None:
    picture = np.full((300, 700, 3), 235, np.uint8)
    cv2.putText(picture, "LEMONADE", (60, 150), cv2.FONT_HERSHEY_DUPLEX, 2.2, (30, 30, 30), 4, cv2.LINE_AA)
    words = LabelReader().read(picture).words
    assert [word.text for word in words] == ["LEMONADE"]
    x0, y0, x1, y1 = words[0].box
    assert 30 <= x0 <= 90
    assert 80 <= y0 < y1 <= 180
    assert 330 <= x1 <= 460
    assert len(words[0].letters) == len("LEMONADE")
    assert words[0].letters[0][0] < words[0].letters[4][0] < words[0].letters[7][0]


def test_a_line_that_is_cut_out_already_is_only_recognised() -> None:
    line = np.full((60, 330, 3), 235, np.uint8)
    cv2.putText(line, "LEMONADE", (10, 45), cv2.FONT_HERSHEY_DUPLEX, 1.6, (30, 30, 30), 3, cv2.LINE_AA)
    reader = LabelReader()
    assert [text for text, _ in reader.recognise([line])] == ["LEMONADE"]
    assert reader.recognise([]) == []


def test_a_line_that_ran_two_packs_together_gives_way_to_its_words() -> None:
    joined = ReadWord("HARKAHARKA", (0, 0, 210, 20), 0.95)
    words = [ReadWord("HARKA", (2, 1, 100, 20), 0.9), ReadWord("HARKA", (108, 1, 208, 20), 0.9)]
    assert merge_words([joined, *words]) == words
    assert merge_words([joined]) == [joined]


def test_a_word_cut_off_by_a_tile_gives_way_to_the_whole_word() -> None:
    whole, piece = ReadWord("HARKA", (0, 0, 100, 20), 0.9), ReadWord("KA", (60, 0, 99, 20), 0.95)
    assert [word.text for word in merge_words([piece, whole])] == ["HARKA"]


def test_what_the_first_reading_is_sure_of_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from segmentation.ocr import Ocr

    recognised: list[int] = []
    read = Ocr.read

    def counting(self: Ocr, picture: np.ndarray, lines, chosen):
        recognised.append(len(chosen))
        return read(self, picture, lines, chosen)

    monkeypatch.setattr(Ocr, "read", counting)
    picture = np.full((300, 700, 3), 235, np.uint8)
    cv2.putText(picture, "LEMONADE", (60, 150), cv2.FONT_HERSHEY_DUPLEX, 2.2, (30, 30, 30), 4, cv2.LINE_AA)
    reading = LabelReader().read(picture)
    assert [word.text for word in reading.words] == ["LEMONADE"]
    assert (recognised, reading.left_out) == ([1], False)  # found at two sizes, recognised at one


def test_a_word_on_a_very_flat_strip_is_where_it_stands() -> None:
    strip = np.full((16, 2000, 3), 235, np.uint8)
    cv2.putText(strip, "LEMONADE", (1500, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (20, 20, 20), 1, cv2.LINE_AA)
    (word,) = LabelReader().read(strip).words
    assert word.text == "LEMONADE"
    assert word.box[0] == pytest.approx(1500, abs=4)
    assert word.box[2] == pytest.approx(1567, abs=4)


def test_of_very_many_lines_the_highest_are_read_and_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import segmentation.labels as labels

    monkeypatch.setattr(labels, "MOST_LINES", 1)
    monkeypatch.setattr(labels, "SURE", 1.1)  # nothing is sure: all lines come up again
    picture = np.full((400, 700, 3), 235, np.uint8)
    cv2.putText(picture, "LEMONADE", (60, 150), cv2.FONT_HERSHEY_DUPLEX, 2.2, (30, 30, 30), 4, cv2.LINE_AA)
    cv2.putText(picture, "sparkling", (60, 300), cv2.FONT_HERSHEY_DUPLEX, 1.2, (30, 30, 30), 2, cv2.LINE_AA)
    reading = LabelReader().read(picture)
    assert [word.text for word in reading.words] == ["LEMONADE", "sparkling"]
    assert reading.left_out  # the lower one was not read a second time
