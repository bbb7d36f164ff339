import io

import pytest
from PIL import Image

from segmentation.labels import ReadWord
from segmentation.photo import Photo
from tools.describe import describe_tool
from tools.errors import BadArguments, UnknownImage
from tools.records import DescribeRecord
from tools.registry import Progress
from tools.store import ImageStore


def read_words(photo: Photo) -> tuple[ReadWord, ...]:
    assert photo.pixels.shape == (500, 800, 3)
    return (ReadWord("Milka", (100, 100, 160, 120), 0.9), ReadWord("Milka", (500, 100, 560, 120), 0.9))


@pytest.fixture
def store() -> ImageStore:
    buffer = io.BytesIO()
    Image.new("RGB", (800, 500), (110, 50, 150)).save(buffer, "PNG")
    store = ImageStore()
    store.add(buffer.getvalue(), "shelf.png")
    return store


def test_the_record_says_what_is_on_the_photo(store: ImageStore) -> None:
    stages: list[str] = []
    progress = Progress(report=lambda stage, fraction: stages.append(stage))
    record = describe_tool(store, read_words).call({"image": "shelf.png"}, progress)
    assert isinstance(record, DescribeRecord)
    assert record.summary == "1 row; repeated labels: Milka ×2 (purple); colours: purple"
    assert (record.rows, record.colours, record.words) == (1, ("purple",), ("Milka",))
    assert [(each.name, each.count, each.boxes) for each in record.repeated] == [
        ("Milka", 2, ((100, 100, 160, 120), (500, 100, 560, 120)))
    ]
    assert record.image.name == "shelf.png"
    assert (record.image.width, record.image.height) == (800, 500)
    assert "blurry: few sharp edges" in record.warnings
    assert stages == ["reading labels", "describing"]
    assert DescribeRecord.model_validate_json(record.model_dump_json()) == record


def test_an_unknown_photo_and_unknown_arguments_are_told_to_the_caller(store: ImageStore) -> None:
    tool = describe_tool(store, read_words)
    with pytest.raises(UnknownImage, match=r"known: .*shelf\.png"):
        tool.call({"image": "other.png"})
    with pytest.raises(BadArguments, match="detail"):
        tool.call({"image": "shelf.png", "detail": "high"})
