"""Data sets in their real formats, a few entries each."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco

from segmentation.errors import DataError
from segmentation.training.phrase_samples import PhraseSamples
from segmentation.training.phrases import IGNORED, INSIDE, OUTSIDE
from segmentation.training.samples import Order
from segmentation.training.sources import (
    RunLength,
    read_coco,
    read_corrections,
    read_folder,
    read_phrasecut,
    read_source,
)


def _picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((20, 30, 3), 90, np.uint8))


def _write(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def _square() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    mask = np.zeros((20, 30), np.uint8)
    mask[5:10, 10:20] = 1
    return mask


def test_phrasecut_polygons_of_all_instances_become_one_mask(tmp_path: Path) -> None:
    _picture(tmp_path / "images/2324812.jpg")
    task = {
        "task_id": "2324812__1",
        "image_id": 2324812,
        "ann_ids": [7, 8],
        "phrase": "wheelchair rack",
        "instance_boxes": [[1, 1, 5, 5], [15, 5, 5, 5]],
        "Polygons": [[[[1, 1], [5, 1], [5, 5], [1, 5]]], [[[15, 5], [19, 5], [19, 9], [15, 9]]]],
    }
    gone = {**task, "image_id": 999}
    path = _write(tmp_path / "refer_miniv.json", [task, gone])
    (picture,) = read_phrasecut(path, tmp_path / "images")
    ((phrase, shape),) = picture.phrases
    mask = shape.draw(*picture.read().shape[:2])
    assert phrase == "wheelchair rack"
    assert int(mask.sum()) == 50
    assert mask[3, 3]
    assert mask[7, 17]
    assert not mask[3, 17]


@pytest.fixture
def instances(tmp_path: Path) -> Path:
    """One picture, two bottles (a polygon and a run-length crowd) and a cup."""
    _picture(tmp_path / "val/a.jpg")
    code = coco.encode(np.asfortranarray(_square()))
    counts = [0, 20 * 30]
    return _write(
        tmp_path / "instances_val.json",
        {
            "images": [{"id": 1, "file_name": "a.jpg", "height": 20, "width": 30}],
            "categories": [{"id": 44, "name": "bottle"}, {"id": 47, "name": "cup"}],
            "annotations": [
                {"image_id": 1, "category_id": 44, "iscrowd": 0, "segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]]},
                {
                    "image_id": 1,
                    "category_id": 44,
                    "iscrowd": 1,
                    "segmentation": {"size": [20, 30], "counts": code["counts"].decode()},
                },
                {
                    "image_id": 1,
                    "category_id": 47,
                    "iscrowd": 1,
                    "segmentation": {"size": [20, 30], "counts": counts},
                },
            ],
        },
    )


def test_coco_instances_of_one_category_become_one_mask(instances: Path) -> None:
    (picture,) = read_coco(instances, instances.parent / "val")
    masks = {phrase: shape.draw(20, 30) for phrase, shape in picture.phrases}
    assert int(masks["bottle"].sum()) == 25 + 50
    assert masks["cup"].all()


def test_coco_panoptic_ids_are_read_from_colours(tmp_path: Path) -> None:
    _picture(tmp_path / "val/a.jpg")
    number = 7 + 256 * 3 + 65536 * 2
    png = np.zeros((20, 30, 3), np.uint8)
    png[5:10, 10:20] = (2, 3, 7)  # OpenCV writes blue, green, red
    (tmp_path / "panoptic_val").mkdir()
    cv2.imwrite(str(tmp_path / "panoptic_val/a.png"), png)
    path = _write(
        tmp_path / "panoptic_val.json",
        {
            "images": [{"id": 1, "file_name": "a.jpg"}],
            "categories": [{"id": 44, "name": "bottle"}],
            "annotations": [
                {
                    "image_id": 1,
                    "file_name": "a.png",
                    "segments_info": [{"id": number, "category_id": 44}],
                }
            ],
        },
    )
    (picture,) = read_source("coco", path, tmp_path / "val")
    ((phrase, shape),) = picture.phrases
    assert phrase == "bottle"
    assert np.array_equal(shape.draw(20, 30), _square() > 0)


def test_a_folder_of_pictures_masks_and_phrases(tmp_path: Path) -> None:
    _picture(tmp_path / "a.jpg")
    cv2.imwrite(str(tmp_path / "a.png"), _square() * 255)
    (tmp_path / "phrases.jsonl").write_text(
        '{"image": "a.jpg", "mask": "a.png", "phrase": "red bottles"}\n\n', encoding="utf-8"
    )
    (picture,) = read_source("folder", tmp_path / "phrases.jsonl", None)
    assert picture.phrases[0][0] == "red bottles"
    assert np.array_equal(picture.phrases[0][1].draw(20, 30), _square() > 0)


def test_a_mask_of_another_size_than_its_picture_is_refused(tmp_path: Path) -> None:
    _picture(tmp_path / "a.jpg")
    cv2.imwrite(str(tmp_path / "a.png"), _square() * 255)
    (tmp_path / "phrases.jsonl").write_text('{"image": "a.jpg", "mask": "a.png", "phrase": "x"}', encoding="utf-8")
    (picture,) = read_folder(tmp_path / "phrases.jsonl")
    with pytest.raises(DataError, match=r"a\.png is 30x20, its picture is 40x20"):
        picture.phrases[0][1].draw(20, 40)
    with pytest.raises(DataError, match="a mask of 30x20"):
        RunLength(20, 30, (600,)).draw(30, 20)


def test_files_of_another_format_are_named(tmp_path: Path, instances: Path) -> None:
    with pytest.raises(DataError, match="not PhraseCut's format"):
        read_phrasecut(instances, tmp_path)
    with pytest.raises(DataError, match="not COCO's format"):
        read_coco(_write(tmp_path / "x.json", [1]), tmp_path)
    (tmp_path / "phrases.jsonl").write_text('{"image": "a.jpg"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="line 1: needs image, mask and phrase"):
        read_folder(tmp_path / "phrases.jsonl")
    (tmp_path / "torn.json").write_text('{"images": [', encoding="utf-8")
    with pytest.raises(DataError, match="is not JSON"):
        read_coco(tmp_path / "torn.json", tmp_path)


def test_a_source_without_any_of_its_pictures_is_refused(tmp_path: Path, instances: Path) -> None:
    with pytest.raises(DataError, match="names no picture that is there"):
        read_coco(instances, tmp_path / "elsewhere")
    with pytest.raises(DataError, match="needs its folder of pictures"):
        read_source("coco", instances, None)


def _corrections(folder: Path, *lines: object) -> Path:
    path = folder / "corrected.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_corrected_boxes_are_sure_in_their_middle_and_open_at_their_corners(tmp_path: Path) -> None:
    _picture(tmp_path / "a.jpg")
    line = {"image": "a.jpg", "prompt": "cans", "count": 2, "boxes": [[0, 0, 10, 20], [10, 0, 20, 20]]}
    path = _corrections(tmp_path, {**line, "excluded": [[20, 0, 30, 10]], "note": "counted 3"})
    (picture,) = read_source("corrections", path, None)
    ((phrase, shape),) = picture.phrases
    mask, doubt = shape.draw(20, 30), shape.doubt(20, 30)
    assert doubt is not None
    assert phrase == "cans"
    assert mask[10, 5]
    assert mask[10, 15]
    assert doubt[0, 0]  # a corner
    assert doubt[5, 25]  # seen and not counted
    assert not (mask | doubt)[15, 25]  # surely something else
    assert not (mask & doubt).any()
    assert cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] - 1 == 2


def test_what_is_open_in_a_correction_is_ignored_in_training(tmp_path: Path) -> None:
    _picture(tmp_path / "a.jpg")
    path = _corrections(tmp_path, {"image": "a.jpg", "prompt": "cans", "count": 1, "boxes": [[5, 2, 15, 18]]})
    sample = PhraseSamples(read_source("corrections", path, tmp_path), seed=0)[Order(0, 64, False, 6, 1)]
    assert set(np.unique(sample.targets)) == {OUTSIDE, INSIDE, IGNORED}


def test_a_correction_to_nothing_teaches_that_nothing_is_there(tmp_path: Path) -> None:
    _picture(tmp_path / "a.jpg")
    path = _corrections(tmp_path, {"image": "a.jpg", "prompt": "cans", "count": 0, "boxes": []})
    (picture,) = read_source("corrections", path, None)
    assert not picture.phrases[0][1].draw(20, 30).any()


def test_counts_without_boxes_are_left_out_and_torn_lines_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _picture(tmp_path / "a.jpg")
    whole = {"image": "a.jpg", "prompt": "cans", "count": 1, "boxes": [[5, 2, 15, 18]]}
    (picture,) = read_corrections(_corrections(tmp_path, whole, {**whole, "boxes": None}), None)
    assert len(picture.phrases) == 1
    assert "1 lines without a box" in caplog.text
    with pytest.raises(DataError, match="line 1: needs image, prompt, count and boxes"):
        read_corrections(_corrections(tmp_path, {**whole, "boxes": [[5, 2, 15]]}), None)
    with pytest.raises(DataError, match=r"line 1: .*no area"):
        read_corrections(_corrections(tmp_path, {**whole, "boxes": [[5, 2, 5, 9]]}), None)
    with pytest.raises(DataError, match="names no picture"):
        read_corrections(_corrections(tmp_path), None)
