"""Every format says what the records say, and nothing in a photo's name or a request can do harm in it."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from agent.batch.call import Call
from agent.batch.instructions import Place
from agent.batch.photos import PhotoRef
from agent.batch.results.coco import CocoWriter
from agent.batch.results.labelstudio import LabelStudioWriter
from agent.batch.results.records import RecordWriter
from agent.batch.results.row import Row, RowWriter
from agent.batch.results.table import CsvWriter, ParquetWriter, safe_cell
from tests.agent.batch.fakes import count_record
from tools.records import Instance, Mask


def row(name: str = "a.jpg", target: str = "cans", number: int = 2, error: str = "", **changes: Any) -> Row:
    record = count_record(target, name.encode(), number, **changes)
    return Row(
        PhotoRef(name, f"/{name}", "1", Place("store 7", "bay 2", "Mon")),
        f"count {target}",
        Call.of("count", {"target": target}),
        f"{name}-{target}".ljust(8, "0"),
        None if error else record.model_dump(mode="json"),
        error or None,
        None if error else f"overlays/{name}",
    )


def written(kind: Any, *rows: Row) -> bytes:
    file = io.BytesIO()
    writer: RowWriter = kind(file)
    for each in rows:
        writer.add(each, each.count())
    writer.close()
    return file.getvalue()


def table(*rows: Row) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written(CsvWriter, *rows).decode("utf-8-sig"), newline="")))


LABELS = Row(PhotoRef("a.jpg", "/a.jpg", "1"), "", Call.of("read_labels", {}), "x", {"kind": "labels"}, None, None)


def test_the_table_has_one_row_per_photo_and_target_and_says_why_one_failed() -> None:
    rows = table(row(), row("b.jpg", error="b.jpg: damaged"), LABELS)

    assert [(each["photo"], each["target"], each["status"], each["count"]) for each in rows] == [
        ("a.jpg", "cans", "done", "2"),
        ("b.jpg", "cans", "failed", ""),
    ]
    assert rows[0]["store"] == "store 7"
    assert rows[1]["error"] == "b.jpg: damaged"


def test_the_table_begins_with_the_mark_that_spreadsheets_need() -> None:
    assert written(CsvWriter, row(target="Käse")).startswith(b"\xef\xbb\xbfstore,")
    assert table(row(target="Käse"))[0]["target"] == "Käse"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1+1", "'  =1+1"),
        ("\t=1+1", "' =1+1"),
        ("\r\n=cmd|' /C calc'!A0", "'  =cmd|' /C calc'!A0"),
        ("＝1+1", "'＝1+1"),
        ("a=1", "a=1"),
        ("red\ncans", "red cans"),
        ("", ""),
    ],
)
def test_no_text_becomes_a_formula(text: str, safe: str) -> None:
    assert safe_cell(text) == safe


def test_hostile_names_and_targets_stay_in_their_cells() -> None:
    hostile = '=HYPERLINK("http://x","y"),\n"quoted",'

    (only,) = table(row(name="=1.jpg", target=hostile))

    assert only["photo"] == "'=1.jpg"
    assert only["target"] == "'" + hostile.replace("\n", " ")
    assert only["task"] == f"=1.jpg-{hostile}".replace("=1", "'=1", 1).replace("\n", " ")


def test_records_are_kept_as_the_tools_returned_them() -> None:
    first, second, third = written(RecordWriter, row(), row("b.jpg", error="damaged"), LABELS).decode().splitlines()

    assert json.loads(first)["record"] == count_record("cans", b"a.jpg", 2).model_dump(mode="json")
    assert json.loads(second)["status"] == "failed"
    assert json.loads(second)["error"] == "damaged"
    assert json.loads(third)["record"] == {"kind": "labels"}


def test_parquet_has_the_same_rows_with_types_and_boxes(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    (tmp_path / "counts.parquet").write_bytes(written(ParquetWriter, row(), row("b.jpg", error="damaged"), LABELS))

    first, second = pq.read_table(tmp_path / "counts.parquet").to_pylist()
    assert (first["count"], first["low"], first["saturated"], first["store"]) == (2, 2, False, "store 7")
    assert first["instances"][1] == {"id": 2, "x0": 10, "y0": 0, "x1": 18, "y1": 20, "score": 0.5}
    assert (second["count"], second["instances"], second["error"]) == (None, None, "damaged")


def test_coco_is_read_by_its_own_library_with_masks_and_boxes(tmp_path: Path) -> None:
    import numpy as np
    from pycocotools import mask as codec
    from pycocotools.coco import COCO

    pixels = np.zeros((100, 200), np.uint8, order="F")  # (H, W)
    pixels[10:20, 30:50] = 1
    code = codec.encode(pixels)
    masked = Instance(
        id=1, box=(30, 10, 50, 20), score=0.9, mask=Mask(size=(100, 200), counts=code["counts"].decode()),
        evidence=("meaning",),
    )  # fmt: skip
    rows = [
        row(instances=(masked,)),
        row("b.jpg", "jars", 1),
        row("b.jpg", "cans", 0),
        row("c.jpg", error="x"),
    ]
    (tmp_path / "coco.json").write_bytes(written(CocoWriter, *rows))

    coco = COCO(str(tmp_path / "coco.json"))

    assert [image["file_name"] for image in coco.dataset["images"]] == ["a.jpg", "b.jpg"]
    assert [category["name"] for category in coco.dataset["categories"]] == ["cans", "jars"]
    mask, box = coco.dataset["annotations"]
    assert (coco.annToMask(mask) == pixels).all()
    assert (mask["area"], mask["bbox"], mask["image_id"], mask["category_id"]) == (
        200.0,
        [30, 10, 20, 10],
        1,
        1,
    )
    assert (box["area"], box["bbox"], box["image_id"], box["category_id"]) == (160.0, [0, 0, 8, 20], 2, 2)


def test_an_empty_run_is_valid_in_every_format() -> None:
    assert json.loads(written(CocoWriter)) == {"annotations": [], "images": [], "categories": []}
    assert json.loads(written(LabelStudioWriter)) == []
    assert table() == []


def test_label_studio_gets_one_task_per_photo_with_rectangles_in_percent() -> None:
    rows = [row(number=1), row(target="jars", number=2), row("b.jpg", number=0), row("c.jpg", error="x")]

    first, second = json.loads(written(LabelStudioWriter, *rows))

    assert first["data"] == {"image": "a.jpg", "store": "store 7", "bay": "bay 2", "time": "Mon"}
    (prediction,) = first["predictions"]
    assert prediction["model_version"] == "tiny"
    assert [result["value"]["rectanglelabels"] for result in prediction["result"]] == [
        ["cans"],
        ["jars"],
        ["jars"],
    ]
    assert prediction["result"][2]["value"] | {"rectanglelabels": []} == {
        "x": 5.0, "y": 0.0, "width": 4.0, "height": 20.0, "rotation": 0, "rectanglelabels": [],
    }  # fmt: skip
    assert len({result["id"] for result in prediction["result"]}) == 3
    assert second["predictions"][0]["result"] == []
