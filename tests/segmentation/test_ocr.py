import cv2
import numpy as np
import pytest
from rapidocr.utils.process_img import get_rotate_crop_image

from segmentation.ocr import Ocr, _upright

PICTURE = np.asarray(
    cv2.GaussianBlur(np.random.default_rng(3).integers(0, 255, (200, 300, 3)).astype(np.uint8), (0, 0), 2), np.uint8
)


@pytest.mark.parametrize(
    "quad",
    [
        ((40, 60), (140, 60), (140, 90), (40, 90)),
        ((40, 60), (138, 78), (133, 107), (35, 89)),
        ((0, 0), (120, 0), (120, 30), (0, 30)),
        ((250, 20), (299, 20), (299, 199), (250, 199)),
    ],
    ids=["level", "slanted", "in a corner", "upright, at an edge"],
)
def test_a_line_is_cut_out_as_from_the_whole_picture(quad: tuple[tuple[int, int], ...]) -> None:
    corners = np.array(quad, np.float32)
    ours, theirs = _upright(PICTURE, corners), get_rotate_crop_image(PICTURE, corners.copy())
    assert ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs).max() <= 2


def test_only_the_chosen_lines_are_read() -> None:
    picture = np.full((300, 600, 3), 235, np.uint8)
    for text, y in (("LEMONADE", 90), ("BISCUITS", 220)):
        cv2.putText(picture, text, (60, y), cv2.FONT_HERSHEY_DUPLEX, 2.0, (30, 30, 30), 3, cv2.LINE_AA)
    reader = Ocr(params={"Global.log_level": "error"})
    lines = reader.find(picture)
    assert lines.corners.shape == (2, 4, 2)
    assert reader.read(picture, lines, [1]).txts == ("BISCUITS",)


def test_a_picture_without_print_has_no_lines() -> None:
    assert len(Ocr(params={"Global.log_level": "error"}).find(np.full((120, 120, 3), 90, np.uint8)).corners) == 0
