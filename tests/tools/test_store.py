import base64
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segmentation.errors import PhotoError
from tools.errors import UnknownImage
from tools.store import ImageStore, Limits

SIDE = 20
PHOTO_BYTES = SIDE * SIDE * 3


def png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (shade, shade, shade)).save(buffer, "PNG")
    return buffer.getvalue()


def put(path: Path, shade: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(shade))
    return path


def shade_of(store: ImageStore, reference: str) -> int:
    return int(store.get(reference).pixels[0, 0, 0])


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_the_user_adds_is_found_by_id_name_and_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path / "a.png", 10)
    store = ImageStore()
    photo = store.add(path)
    monkeypatch.chdir(tmp_path)
    for reference in (photo.id, "a.png", "./a.png", str(path)):
        assert store.get(reference) is photo
    assert store.known() == ((photo.id, "a.png"),)


def test_uploaded_bytes_are_found_by_id_and_name() -> None:
    store = ImageStore()
    photo = store.add(png(7), "C:\\fakepath\\shelf.png")
    assert store.get(photo.id) is store.get("shelf.png") is photo


def test_an_unknown_photo_is_answered_with_those_that_are_known_and_what_to_do(tmp_path: Path) -> None:
    store = ImageStore(hand_over="post it to /v1/images")
    with pytest.raises(UnknownImage, match=r"^no photo 'x' is known; known: none; post it to /v1/images$"):
        store.get("x")
    photo = store.add(png(1), "one.png")
    with pytest.raises(UnknownImage) as caught:
        store.get("\x1b[31mevil\n" + "y" * 500)
    assert f"known: {photo.id} (one.png)" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_without_roots_no_path_is_read(tmp_path: Path) -> None:
    path = put(tmp_path / "private.png", 10)
    for reference in (
        str(path),
        "/dev/zero",
        "/proc/self/environ",
        "~/x.png",
        "file:///etc/passwd",
        "http://h/a",
    ):
        with pytest.raises(UnknownImage):
            ImageStore().get(reference)


def test_photos_under_a_root_are_found_by_relative_and_full_path(tmp_path: Path) -> None:
    put(tmp_path / "root" / "monday" / "a.png", 10)
    put(tmp_path / "root" / "b.png", 20)
    store = ImageStore((tmp_path / "root",))
    assert shade_of(store, "monday/a.png") == 10
    assert shade_of(store, str(tmp_path / "root" / "b.png")) == 20
    assert shade_of(store, "monday/../b.png") == 20


def test_nothing_outside_the_roots_is_read_by_any_spelling(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put(root / "in.png", 1)
    put(tmp_path / "out.png", 99)
    put(tmp_path / "root-too" / "out.png", 99)
    (root / "link.png").symlink_to(tmp_path / "out.png")
    (root / "folder").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    os.mkfifo(root / "pipe.png")
    store = ImageStore((root,))
    spellings = [
        "../out.png",
        "folder/out.png",
        "link.png",
        str(tmp_path / "out.png"),
        "../root-too/out.png",
        str(root) + "-too/out.png",
        "%2e%2e/out.png",
        "..\\out.png",
        "loop",
        "in.png\0.jpg",
        "C:\\out.png",
        ".",
        "",
        "missing.png",
        "x" * 5000,
    ]
    for spelling in spellings:
        with pytest.raises(UnknownImage) as caught:
            store.get(spelling)
        assert str(tmp_path) not in str(caught.value).replace(spelling[:80], "")
    with pytest.raises(PhotoError, match="not a regular file"):
        store.get("pipe.png")
    assert store.known() == ()


def test_a_link_put_in_place_after_the_check_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    inside = put(root / "sub" / "a.png", 1)
    put(tmp_path / "outside" / "a.png", 99)

    class Swapping(ImageStore):
        def _fresh(self, place):  # type: ignore[no-untyped-def]
            inside.unlink()
            (root / "sub").rmdir()
            (root / "sub").symlink_to(tmp_path / "outside")
            return super()._fresh(place)

    with pytest.raises(UnknownImage):
        Swapping((root,)).get("sub/a.png")


def test_a_file_that_was_written_again_is_read_again_but_its_old_id_is_not_given_other_pixels(
    tmp_path: Path,
) -> None:
    put(tmp_path / "latest.png", 10)
    store = ImageStore((tmp_path,))
    first = store.get("latest.png")
    put(tmp_path / "latest.png", 200)
    os.utime(tmp_path / "latest.png", ns=(1, 1))
    assert shade_of(store, "latest.png") == 200
    assert store.get(first.id) is first


def test_an_id_whose_file_has_changed_is_refused_once_its_pixels_are_gone(tmp_path: Path) -> None:
    path = put(tmp_path / "a.png", 10)
    store = ImageStore(limits=Limits(pixel_bytes=PHOTO_BYTES))
    first = store.add(path)
    store.add(png(50))
    put(path, 200)
    with pytest.raises(UnknownImage, match="has gone or changed"):
        store.get(first.id)


def test_pixels_stay_within_their_limit_and_are_decoded_again_when_needed(tmp_path: Path) -> None:
    store = ImageStore(limits=Limits(pixel_bytes=3 * PHOTO_BYTES))
    ids = [store.add(put(tmp_path / f"{shade}.png", shade)).id for shade in range(5)]
    ids += [store.add(png(100 + shade)).id for shade in range(5)]
    assert store.pixel_bytes() == 3 * PHOTO_BYTES
    assert [shade_of(store, id) for id in ids] == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]
    assert store.pixel_bytes() == 3 * PHOTO_BYTES


def test_a_photo_larger_than_the_limit_is_still_given() -> None:
    store = ImageStore(limits=Limits(pixel_bytes=10))
    assert store.get(store.add(png(3)).id).width == SIDE


def test_the_upload_used_longest_ago_makes_room_for_a_new_one() -> None:
    store = ImageStore(limits=Limits(upload_bytes=2 * len(png(1)) + 10))
    first, second = store.add(png(1)), store.add(png(2))
    store.get(first.id)
    third = store.add(png(3))
    assert {id for id, _ in store.known()} == {first.id, third.id}
    with pytest.raises(UnknownImage):
        store.get(second.id)


def test_an_upload_that_nobody_uses_is_forgotten() -> None:
    clock = Clock()
    store = ImageStore(limits=Limits(upload_seconds=60), clock=clock)
    used, unused = store.add(png(1)), store.add(png(2))
    clock.now = 50
    store.get(used.id)
    clock.now = 100
    assert [id for id, _ in store.known()] == [used.id]
    with pytest.raises(UnknownImage):
        store.get(unused.id)
    assert store.pixel_bytes() == PHOTO_BYTES


def test_two_uploads_of_one_name_are_told_apart_by_id() -> None:
    store = ImageStore()
    ids = sorted(store.add(png(shade), "image.png").id for shade in (1, 2))
    with pytest.raises(UnknownImage) as caught:
        store.get("image.png")
    assert all(id in str(caught.value) for id in ids)


def test_a_data_uri_carries_its_own_photo() -> None:
    uri = "data:image/png;base64," + base64.b64encode(png(33)).decode()
    assert shade_of(ImageStore(), uri) == 33


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("data:image/png;base64,@@@", "not of the form"),
        ("data:image/png,plain", "not of the form"),
        ("data:", "not of the form"),
        ("data:image/png;base64," + "A" * 6_000_000, "may hold 4 MB"),
    ],
)
def test_a_data_uri_that_is_broken_or_long_is_refused(uri: str, reason: str) -> None:
    with pytest.raises(UnknownImage, match=reason):
        ImageStore().get(uri)


def test_a_url_is_opened_only_by_the_function_that_was_given_for_it() -> None:
    asked: list[str] = []

    def fetch(url: str) -> bytes:
        asked.append(url)
        return png(44)

    assert shade_of(ImageStore(fetch=fetch), "https://shop.example/photos/a.png?size=1") == 44
    assert asked == ["https://shop.example/photos/a.png?size=1"]
    with pytest.raises(UnknownImage, match="URLs are not opened here"):
        ImageStore().get("https://shop.example/a.png")


def test_many_threads_get_the_photo_they_asked_for() -> None:
    store = ImageStore(limits=Limits(pixel_bytes=4 * PHOTO_BYTES))
    ids = [store.add(png(shade)).id for shade in range(30)]
    order = np.random.default_rng(0).integers(0, 30, 600).tolist()
    with ThreadPoolExecutor(8) as pool:
        shades = list(pool.map(lambda index: shade_of(store, ids[index]), order))
    assert shades == order


def test_a_photo_that_comes_under_ever_new_names_keeps_the_first_and_the_last_ones() -> None:
    store, data = ImageStore(), png(3)
    for number in range(100):
        id = store.add(data, f"{number}.png").id

    assert store.known() == ((id, "0.png"),)
    assert store.get("99.png").id == id
    with pytest.raises(UnknownImage):
        store.get("50.png")
