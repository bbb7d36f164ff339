"""Objects are read within bounds, and a busy store is asked again."""

import io
from typing import Any

import fsspec
import pytest
from fsspec.spec import AbstractFileSystem

from agent.batch.photos import READ_TRIES, read_url
from segmentation.errors import PhotoError


class Busy(AbstractFileSystem):  # type: ignore[misc]
    """A store that refuses as often as the name of the object says: busy://3/photo.jpg."""

    protocol = "busy"
    asked = 0
    cachable = False

    def _open(self, path: str, mode: str = "rb", **options: Any) -> io.BytesIO:
        Busy.asked += 1
        if path.startswith("gone"):
            raise FileNotFoundError(path)
        if Busy.asked <= int(path.split("/")[0]):
            raise OSError("503 SlowDown")
        return io.BytesIO(b"0123456789")


@pytest.fixture(autouse=True)
def busy() -> None:
    fsspec.register_implementation("busy", Busy, clobber=True)
    Busy.asked = 0


def test_a_store_that_refuses_is_asked_again_after_a_growing_while() -> None:
    waits: list[float] = []

    assert read_url("busy://2/photo.jpg", 100, waits.append) == b"0123456789"
    assert waits == [0.5, 1.0]


def test_a_store_that_goes_on_refusing_costs_the_photo() -> None:
    with pytest.raises(PhotoError, match=rf"photo.jpg: not read after {READ_TRIES} tries; OSError: 503 SlowDown"):
        read_url("busy://9/photo.jpg", 100, lambda seconds: None)
    assert Busy.asked == READ_TRIES


def test_an_object_that_is_not_there_is_not_asked_for_again() -> None:
    with pytest.raises(PhotoError, match=r"photo.jpg: not found"):
        read_url("busy://gone/photo.jpg", 100, lambda seconds: None)
    assert Busy.asked == 1


def test_no_more_than_the_limit_and_one_byte_is_read() -> None:
    assert read_url("busy://0/photo.jpg", 4) == b"01234"
