"""A plan holds all of the work, once, and refuses with every problem at its line."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from agent.batch.call import Call
from agent.batch.errors import InstructionError
from agent.batch.instructions import parse_instructions
from agent.batch.plan import Plan, make_plan
from tests.agent.batch.fakes import WordPlanner, photos, registry


def plan(
    folder: Path, text: str, name: str = "job.yaml", planner: WordPlanner | None = None, **options: object
) -> Plan:
    instructions = parse_instructions(text.encode(), folder / name)
    return make_plan(instructions, planner or WordPlanner(), registry(), **options)  # type: ignore[arg-type]


def problems(folder: Path, text: str, name: str = "job.yaml") -> list[str]:
    with pytest.raises(InstructionError) as caught:
        plan(folder, text, name)
    return [str(problem) for problem in caught.value.problems]


def test_every_photo_gets_every_request_and_photos_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    photos(tmp_path / "shelf", 3)

    found = plan(tmp_path, "photos: shelf\nrequests: [count cans and jars, {target: tins}]\n")

    assert [group.photo.name for group in found.groups] == [
        "shelf/0000.jpg",
        "shelf/0001.jpg",
        "shelf/0002.jpg",
    ]
    assert [ask.call.label() for ask in found.groups[0].asks] == ["cans", "jars", "tins"]
    assert [ask.sentence for ask in found.groups[0].asks] == [
        "count cans and jars",
        "count cans and jars",
        "",
    ]
    assert found.tasks == 9


def test_a_sentence_is_planned_once_however_many_photos_and_rows_it_stands_beside(tmp_path: Path) -> None:
    photos(tmp_path, 20)
    planner = WordPlanner()
    rows = "".join(f"{index:04}.jpg,count cans\n" for index in range(20))

    found = plan(tmp_path, "photo,request\n" + rows, "job.csv", planner)

    assert found.tasks == 20
    assert planner.asked == ["count cans"]


def test_a_settled_sentence_is_not_planned_again(tmp_path: Path) -> None:
    photos(tmp_path, 1)
    planner = WordPlanner()
    settled = {"count cans": (Call.of("count", {"target": "tins"}),)}

    found = plan(tmp_path, "photos: '*.jpg'\nrequests: count cans\n", planner=planner, planned=settled)

    assert planner.asked == []
    assert found.groups[0].asks[0].call.label() == "tins"
    assert found.sentences == settled


def test_the_rows_of_one_photo_make_one_group(tmp_path: Path) -> None:
    photos(tmp_path, 2)
    text = "photo,target\n0000.jpg,cans\n0001.jpg,cans\n0000.jpg,jars\n0000.jpg,cans\n"

    found = plan(tmp_path, text, "job.csv")

    assert [(group.photo.name, [ask.call.label() for ask in group.asks]) for group in found.groups] == [
        ("0000.jpg", ["cans", "jars"]),
        ("0001.jpg", ["cans"]),
    ]
    assert found.notes == ("asked twice of the same photo: 1 request; each is done once",)


def test_include_exclude_and_endings_choose_among_the_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.PNG", "b_thumb.jpg", "notes.txt", ".hidden.jpg", "deep/c.webp"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    text = "photos:\n- {photos: in, exclude: ['*_thumb*']}\nrequests: [{target: x}]\n"

    found = plan(tmp_path, text)

    assert [group.photo.name for group in found.groups] == ["in/a.jpg", "in/b.PNG", "in/deep/c.webp"]
    assert found.notes == ("passed over, since the name does not end like a photo's: 1 file",)
    only = plan(tmp_path, text.replace("exclude: ['*_thumb*']", "include: ['in/deep/*']"))
    assert [group.photo.name for group in only.groups] == ["in/deep/c.webp"]


def test_a_glob_reaches_below_and_a_file_named_outright_needs_no_ending(tmp_path: Path) -> None:
    photos(tmp_path / "a" / "b", 2)
    (tmp_path / "photo").write_bytes(b"x")

    found = plan(tmp_path, "photos: ['a/**/*.jpg', photo]\nrequests: [{target: x}]\n")

    assert [group.photo.name for group in found.groups] == ["a/b/0000.jpg", "a/b/0001.jpg", "photo"]


def test_a_file_whose_name_is_no_text_gets_a_name_that_is(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    for name in (b"\xff\x1b[31m.jpg", b"b.jpg"):
        with open(os.path.join(folder, name), "wb") as file:  # noqa: PTH118, PTH123 - bytes are the point
            file.write(b"x")

    odd, plain = plan(tmp_path, f"photos: {tmp_path}\nrequests: [{{target: x}}]\n").groups[::-1]

    assert plain.photo.name == "b.jpg"
    assert odd.photo.name.encode().endswith(b".jpg")
    assert Path(odd.photo.uri).read_bytes() == b"x"


def test_a_password_in_a_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    found = problems(tmp_path, "photos: ftp://me:secret@host/*.jpg\nrequests: [{target: x}]\n")

    assert len(found) == 1
    assert "password" in found[0]
    assert "secret" not in found[0]


def test_a_manifest_gives_each_photo_its_place(tmp_path: Path) -> None:
    photos(tmp_path, 2)
    (tmp_path / "list.csv").write_text("Photo,Store,Bay\n0000.jpg,007,3\n0001.jpg,,4\n")

    found = plan(tmp_path, "photos:\n- {manifest: list.csv, store: all, time: Mon}\nrequests: [{target: x}]\n")

    places = [(group.photo.place.store, group.photo.place.bay, group.photo.place.time) for group in found.groups]
    assert places == [("007", "3", "Mon"), ("all", "4", "Mon")]


def test_photos_in_an_object_store_are_listed_by_url(tmp_path: Path) -> None:
    import fsspec

    store = fsspec.filesystem("memory")
    store.pipe({"/audit/1/a.jpg": b"a", "/audit/2/b.jpg": b"b", "/audit/2/readme.txt": b"c"})
    try:
        glob = plan(tmp_path, "photos: memory://audit/*/*.jpg\nrequests: [{target: x}]\n")
        folder = plan(tmp_path, "photos: memory://audit\nrequests: [{target: x}]\n")
        single = plan(tmp_path, "photos: memory://audit/1/a.jpg\nrequests: [{target: x}]\n")
    finally:
        store.rm("/audit", recursive=True)

    names = ["memory:///audit/1/a.jpg", "memory:///audit/2/b.jpg"]
    assert [group.photo.uri for group in glob.groups] == names
    assert [group.photo.uri for group in folder.groups] == names
    assert [group.photo.uri for group in single.groups] == names[:1]


def test_every_problem_is_named_at_once_with_its_line(tmp_path: Path) -> None:
    photos(tmp_path, 1)
    (tmp_path / "list.csv").write_text("photo,shop\nnone.jpg,1\n0000.jpg,2\n")
    text = """\
photos:
  - nowhere/*.jpg
  - 0000.jpg
  - manifest: list.csv
  - manifest: none.csv
  - s3thing://bucket/x
requests:
  - dance
  - {target: cans, row: two}
  - {tool: cuont}
  - {target: cans, shelf: 2}
  - {target: cans, like: [{image: none.jpg}]}
colour: red
"""

    found = problems(tmp_path, text)

    assert found == [
        "line 2: 'nowhere/*.jpg' matches no photo",
        "line 5: none.csv: no such file or directory",
        "line 6: 's3thing://bucket/x': ValueError: Protocol not known: s3thing",
        "line 8: 'dance' cannot be planned: say what to count",
        "line 9: count: row: Input should be a valid integer",
        "line 10: no tool 'cuont'; there are: count, read_labels",
        "line 11: count: shelf: Extra inputs are not permitted",
        "line 12: example: none.jpg: no such file",
        "line 13: unknown key 'colour'; known: photos, requests, outputs, publish",
        "list.csv, line 2: 'none.jpg': no such file or directory",
        "list.csv, line 2: unknown column 'shop'; known: photo, photos, store, bay, time",
    ]


def test_a_photo_cannot_be_in_two_stores(tmp_path: Path) -> None:
    photos(tmp_path, 1)
    text = "photo,store,target\n0000.jpg,1,cans\n0000.jpg,2,jars\n"

    assert problems(tmp_path, text, "job.csv") == ["line 3: 0000.jpg: store is '1' here and '2' there"]


def test_an_example_photo_is_named_by_its_content(tmp_path: Path) -> None:
    from PIL import Image

    photos(tmp_path / "shelf", 1)
    Image.new("RGB", (8, 8), "red").save(tmp_path / "pack.png")
    text = "photos: shelf\nrequests: [{target: this, like: [{image: pack.png}]}]\n"

    first = plan(tmp_path, text)
    Image.new("RGB", (8, 8), "blue").save(tmp_path / "pack.png")
    second = plan(tmp_path, text)

    (id,) = first.examples
    assert first.examples[id] == str(tmp_path / "pack.png")
    assert first.groups[0].asks[0].call.plain()["like"] == [{"image": id}]
    assert first.digest() != second.digest()


def test_the_digest_changes_with_photos_places_and_calls_and_with_nothing_else(tmp_path: Path) -> None:
    photos(tmp_path, 2)
    text = "photos:\n- {photos: '*.jpg', store: a}\nrequests: [{target: cans}]\n"
    known = plan(tmp_path, text).digest()

    assert plan(tmp_path, text + "\n# a comment\n").digest() == known
    assert plan(tmp_path, text, outputs=("csv",)).digest() == known
    assert plan(tmp_path, text.replace("store: a", "store: b")).digest() != known
    assert plan(tmp_path, text.replace("cans", "jars")).digest() != known
    photos(tmp_path, 1, start=2)
    assert plan(tmp_path, text).digest() != known


LISTED = """photos:
{photos}
requests: [how many cans?, how many bottles?, how many boxes?]
"""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["yaml", "csv"])
def test_a_hundred_thousand_tasks_are_checked_in_half_a_minute_and_half_a_gigabyte(tmp_path: Path, form: str) -> None:
    """Processor time stands for time: the machine may have other work. Memory is that of the largest child so far."""
    names = [f"shelf/{number:05}.jpg" for number in range(33_334)]
    (tmp_path / "shelf").mkdir()
    for name in names:
        (tmp_path / name).touch()
    if form == "yaml":
        (tmp_path / "job.yaml").write_text(LISTED.format(photos="\n".join(f"  - {name}" for name in names)))
    else:
        rows = [f"{name},how many {thing}?" for name in names for thing in ("cans", "bottles", "boxes")]
        (tmp_path / "job.csv").write_text("\n".join(["photo,request", *rows]))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", "from agent.cli import main; main()", "batch", "check", f"job.{form}", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    found = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert json.loads(found.stdout)["tasks"] == 100_002
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 30
    assert after.ru_maxrss < 500 * 1024
