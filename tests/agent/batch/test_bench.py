"""The bench makes calls through the registry and turns what goes wrong with one into its outcome."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.batch.bench import ToolBench, open_bench
from agent.batch.call import Call
from agent.batch.errors import ClusterError
from agent.batch.fingerprint import engine_fingerprint
from agent.batch.photos import PhotoRef
from segmentation.errors import PhotoError
from segmentation.photo import read_photo
from tests.agent.batch.fakes import count_record
from tools.arguments import CountArguments
from tools.records import CountRecord
from tools.registry import Registry, Tool
from tools.store import ImageStore, Limits


@pytest.fixture
def shelf(tmp_path: Path) -> PhotoRef:
    Image.new("RGB", (320, 240), (7, 80, 120)).save(tmp_path / "shelf.png")
    return PhotoRef("shelf.png", str(tmp_path / "shelf.png"), "1")


def bench(store: ImageStore, **options: Any) -> ToolBench:
    def count(arguments: CountArguments, progress: object) -> CountRecord:
        if arguments.target == "bug":
            raise ZeroDivisionError("by zero")
        for example in arguments.like:
            if example.image:
                store.get(example.image)
        return count_record(arguments.target, b"", int(store.get(arguments.image).pixels[0, 0, 0]), instances=())

    return ToolBench(Registry((Tool("count", "Count.", CountArguments, count),)), store, **options)


def test_a_call_gives_the_record_that_the_tool_returned(shelf: PhotoRef) -> None:
    tools = bench(ImageStore())

    (outcome,) = tools.run(tools.load(shelf), [Call.of("count", {"target": "cans"})])

    assert json.loads(outcome.record or "")["count"] == 7


def test_what_goes_wrong_with_one_call_is_its_outcome_and_the_others_are_made(shelf: PhotoRef) -> None:
    tools = bench(ImageStore())
    calls = [
        Call.of("count", {"target": "bug"}),
        Call.of("count", {"target": ""}),
        Call.of("dance", {}),
        Call.of("count", {"target": "cans"}),
    ]

    errors = [outcome.error for outcome in tools.run(tools.load(shelf), calls)]

    assert errors[0] == "internal error (ZeroDivisionError): by zero"
    assert (errors[1] or "").startswith("count: target: ")
    assert errors[2] == "no tool 'dance'; there are: count"
    assert errors[3] is None


def test_a_photo_that_cannot_be_read_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="no such file"):
        bench(ImageStore()).load(PhotoRef("x", str(tmp_path / "x.jpg"), "1"))


def test_an_example_is_there_though_the_store_forgot_it(shelf: PhotoRef, tmp_path: Path) -> None:
    Image.new("RGB", (32, 24), "red").save(tmp_path / "pack.png")
    id = read_photo(tmp_path / "pack.png").id
    tools = bench(ImageStore(limits=Limits(pixel_bytes=1)), examples={id: str(tmp_path / "pack.png")})
    call = Call.of("count", {"target": "this", "like": [{"image": id}]})

    for _ in range(2):
        (outcome,) = tools.run(tools.load(shelf), [call])
        assert outcome.error is None


def test_counts_are_drawn_as_pictures_that_stand_alone(shelf: PhotoRef) -> None:
    import cv2
    import numpy as np

    from agent.batch.picture import draw_count

    tools = bench(ImageStore(), draw=draw_count)
    photo = tools.load(shelf)
    counted, failed = tools.run(photo, [Call.of("count", {"target": "cans"}), Call.of("count", {"target": "bug"})])

    picture = tools.draw(photo, counted).picture

    assert picture is not None
    pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)  # (H, W, 3)
    assert pixels is not None
    assert max(pixels.shape) <= 2000
    assert tools.draw(photo, failed).picture is None


def test_a_picture_that_cannot_be_drawn_costs_the_picture_only(shelf: PhotoRef) -> None:
    def broken(photo: object, record: object) -> bytes:
        raise RuntimeError("no pen")

    tools = bench(ImageStore(), draw=broken)
    photo = tools.load(shelf)
    (counted,) = tools.run(photo, [Call.of("count", {"target": "cans"})])

    assert tools.draw(photo, counted) == counted


def test_a_node_with_other_weights_is_refused(tiny_checkpoint: Path) -> None:
    here = engine_fingerprint(str(tiny_checkpoint))

    assert isinstance(open_bench(str(tiny_checkpoint), {}, False, here), ToolBench)
    with pytest.raises(ClusterError, match=r"this node has the engine 'tiny .*', and the run has 'shelf-small 1'"):
        open_bench(str(tiny_checkpoint), {}, False, "shelf-small 1")
