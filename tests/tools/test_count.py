import io
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from pycocotools.mask import area, decode

from segmentation.clipseg import Activations, ClipSeg, Conditions
from segmentation.counter import Counter
from segmentation.errors import BoxError, TargetError
from segmentation.geometry import iou
from tests.segmentation.shelves import HEIGHT, WIDTH, pack, row_of, shelf
from tools.catalog import build_registry
from tools.errors import BadArguments, Cancelled, UnknownImage, UnknownTool
from tools.records import CountRecord, LabelsRecord
from tools.registry import Progress, Registry
from tools.store import ImageStore


@pytest.fixture(scope="module")
def tools(tiny_checkpoint: Path) -> Registry:
    picture = shelf(row_of(pack(1), 3) + row_of(pack(2, (30, 90, 180)), 2, left=20 + 3 * WIDTH))
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    store = ImageStore()
    store.add(buffer.getvalue(), "shelf.png")
    return build_registry(store, Counter(str(tiny_checkpoint)))


LIKE = [{"box": [20, 40, 20 + WIDTH, 40 + HEIGHT]}]


def test_the_catalogue_offers_counting_reading_and_describing(tools: Registry) -> None:
    assert {"count", "read_labels", "describe"} <= {tool.name for tool in tools}


def test_a_count_is_a_record_with_numbered_instances(tools: Registry) -> None:
    record = tools.get("count").call({"image": "shelf.png", "target": "this box", "like": LIKE})
    assert isinstance(record, CountRecord)
    assert record.count == 3 == len(record.instances)
    assert [instance.id for instance in record.instances] == [1, 2, 3]
    assert record.low <= record.count <= record.high
    assert record.image.name == "shelf.png"
    assert record.model.sha256 is not None
    assert CountRecord.model_validate_json(record.model_dump_json()) == record


class SeesRed(ClipSeg):
    """Finds whatever is red, so that a test knows where components must lie."""

    def encode(self, views: NDArray[np.uint8]) -> Activations:
        return Activations(torch.from_numpy(views)[None])

    def decode(self, activations: Activations, conditions: Conditions) -> NDArray[np.float32]:
        views = activations.reduced[0].numpy().astype(np.float32)
        red = views[..., 0] - views[..., 1:].max(axis=-1)
        return np.repeat(np.where(red > 60, 6.0, -6.0)[:, None], len(conditions), axis=1).astype(np.float32)


def test_choosing_a_wording_encodes_no_view_that_the_count_does_not_look_at(tiny_checkpoint: Path) -> None:
    def encoded(optimize: bool) -> int:
        store, counter = ImageStore(), Counter(str(tiny_checkpoint))
        store.add(cv2.imencode(".png", np.full((300, 500, 3), 90, np.uint8))[1].tobytes(), "shelf.png")
        count = build_registry(store, counter).get("count")
        count.call({"image": "shelf.png", "target": "red cans", "optimize": optimize})
        engine = counter.engine()
        assert engine is not None
        first = engine.encoded
        count.call({"image": "shelf.png", "target": "blue boxes", "optimize": optimize})
        assert engine.encoded == first  # another target on the same photo looks at the same views
        return first

    assert encoded(optimize=True) == encoded(optimize=False) > 0


class CountsDecoding(ClipSeg):
    """Notes how many conditions each decoding was asked for."""

    asked: ClassVar[list[int]] = []

    def decode(self, activations: Activations, conditions: Conditions) -> NDArray[np.float32]:
        self.asked.append(len(conditions))
        return super().decode(activations, conditions)


def test_a_wording_that_was_scored_on_a_photo_is_not_scored_again(tiny_checkpoint: Path) -> None:
    store, counter = ImageStore(), Counter(str(tiny_checkpoint), CountsDecoding.load)
    store.add(cv2.imencode(".png", np.full((300, 500, 3), 90, np.uint8))[1].tobytes(), "shelf.png")
    count = build_registry(store, counter).get("count")
    CountsDecoding.asked.clear()
    first = count.call({"image": "shelf.png", "target": "red products"})
    decoded = len(CountsDecoding.asked)
    CountsDecoding.asked.clear()
    again = count.call({"image": "shelf.png", "target": "red products"})

    assert isinstance(first, CountRecord)
    assert isinstance(again, CountRecord)
    assert len(CountsDecoding.asked) == decoded - 1  # the survey
    assert again.prompt_used == first.prompt_used


def test_masks_of_meaning_lie_within_their_boxes(tiny_checkpoint: Path) -> None:
    picture = np.full((400, 700, 3), 230, np.uint8)
    for left in (60, 300, 540):
        cv2.ellipse(picture, (left + 40, 200), (40, 90), 0, 0, 360, (210, 20, 30), -1)
    store = ImageStore()
    store.add(cv2.imencode(".png", picture[:, :, ::-1])[1].tobytes(), "cans.png")
    tools = build_registry(store, Counter(str(tiny_checkpoint), SeesRed.load))

    record = tools.get("count").call({"image": "cans.png", "target": "cans", "optimize": False})

    assert isinstance(record, CountRecord)
    assert len(record.instances) == 3
    for instance, left in zip(record.instances, (60, 300, 540), strict=True):
        assert instance.mask is not None
        rle = {"size": list(instance.mask.size), "counts": instance.mask.counts.encode()}
        x0, y0, x1, y1 = instance.box
        assert decode(rle)[y0:y1, x0:x1].sum() == area(rle)
        assert area(rle) == pytest.approx(np.pi * 40 * 90, rel=0.2)
        assert iou(instance.box, (left, 110, left + 80, 290)) > 0.8


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"image": "shelf.png", "target": ""}, BadArguments),
        ({"image": "shelf.png", "target": "cans", "colour": "red"}, BadArguments),
        ({"image": "shelf.png", "target": "cans", "row": "two"}, BadArguments),
        ({"image": "shelf.png", "target": "cans", "like": [{"box": [1, 2, 3]}]}, BadArguments),
        ({"image": "elsewhere.png", "target": "cans"}, UnknownImage),
        ({"image": "shelf.png", "target": "?!"}, TargetError),
        ({"image": "shelf.png", "target": "cans", "like": [{"box": [0, 0, 9000, 10]}]}, BoxError),
    ],
)
def test_bad_calls_end_in_one_clear_line(tools: Registry, arguments, error) -> None:
    with pytest.raises(error) as caught:
        tools.get("count").call(arguments)
    assert "\n" not in str(caught.value)


def test_an_unknown_tool_names_those_there_are(tools: Registry) -> None:
    with pytest.raises(UnknownTool, match="count, read_labels, describe"):
        tools.get("segment")


def test_a_cancelled_count_stops(tools: Registry) -> None:
    progress = Progress()
    progress.cancelled.set()
    with pytest.raises(Cancelled):
        tools.get("count").call({"image": "shelf.png", "target": "cans", "optimize": False}, progress)


def test_labels_come_as_a_record(tools: Registry) -> None:
    record = tools.get("read_labels").call({"image": "shelf.png"})
    assert isinstance(record, LabelsRecord)
    assert all(0.5 <= word.score <= 1 for word in record.words)
