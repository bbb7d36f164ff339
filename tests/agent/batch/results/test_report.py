"""The report adds up right, escapes everything, and needs nothing but itself."""

import io
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from agent.batch.call import Call
from agent.batch.instructions import Place
from agent.batch.photos import PhotoRef
from agent.batch.results.report import SHOWN, ReportWriter, bars_of
from agent.batch.results.row import Row
from tests.agent.batch.results.test_results import LABELS, row


class Page(HTMLParser):
    """The text, the tags with their attributes, and the tables of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def page(*rows: Row, folder: Path = Path("/none"), shown: int = SHOWN) -> Page:
    file = io.BytesIO()
    writer = ReportWriter(file, folder, "engine 1", shown)
    for each in rows:
        writer.add(each, each.count())
    writer.close()
    return Page(file.getvalue().decode())


def in_store(store: str, **values: Any) -> Row:
    made = row(**values)
    photo = PhotoRef(made.photo.name, made.photo.uri, made.photo.stamp, Place(store))
    return Row(photo, made.sentence, made.call, made.task, made.record, made.error, made.picture)


def test_totals_are_summed_per_target_and_per_store() -> None:
    found = page(
        in_store("A", name="1", number=4),
        in_store("A", name="2", number=8, low=6, high=11),
        in_store("B", name="3", number=0),
        in_store("B", name="4", error="damaged"),
        in_store("B", name="5", target="jars", number=3),
        LABELS,
        replace(LABELS, record=None, error="damaged"),
    )

    # target, total, between, photos, per photo, none found, failed
    assert "cans 12 10–16 3 4.0 1 1" in found.text
    assert "jars 3 – 1 3.0 0 0" in found.text
    assert "A 12 10–16" in found.text
    assert "B 0 1 failed 3" in found.text
    assert "6 photos 4 counts 1 other records 2 failed 0 reached a limit" in found.text


def on_shelf(shelf: int, **values: Any) -> Row:
    made = row(**values)
    call = Call.of("count", made.call.plain() | {"row": shelf})
    return Row(made.photo, made.sentence, call, made.task, made.record, made.error, made.picture)


def test_totals_are_summed_per_shelf_from_the_top_to_the_bottom() -> None:
    found = page(
        on_shelf(-1, name="1", number=5, low=5, high=5),
        on_shelf(2, name="1", number=4, low=4, high=4),
        on_shelf(1, name="1", number=3, low=2, high=4),
        on_shelf(1, name="2", number=3, low=3, high=3),
        on_shelf(2, name="2", target="jars", error="damaged"),
        row(name="3", number=9),
    )

    shelves = found.text.split("Shelves ")[1].split(" Failures")[0]
    assert shelves == "Shelf cans jars 1 (top) 6 5–7 2 4 1 failed -1 (bottom) 5"
    assert "Shelves" not in page(row(name="3", number=9)).text


def test_failures_and_warnings_are_spelled_out() -> None:
    found = page(
        row(error="a.jpg: damaged or cut off"),
        row("b.jpg", warnings=("blurry",)),
        row("c.jpg", warnings=("blurry",)),
    )

    assert "a.jpg: damaged or cut off" in found.text
    assert "blurry on 2 counts" in found.text


def test_everything_from_outside_is_escaped() -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"

    found = page(
        in_store(evil, name=evil, target=evil, number=1, warnings=(evil,)),
        in_store(evil, name="b", error=evil, target=evil),
    )

    assert [tag for tag, _ in found.tags].count("script") == 1  # the filter's
    assert not any(tag == "img" for tag, _ in found.tags)
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
    assert "<script>alert(1)</script>" in found.text  # shown as what it is


def test_the_page_asks_for_nothing_from_outside(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    (tmp_path / "overlays").mkdir()
    cv2.imwrite(str(tmp_path / "overlays" / "a.jpg"), np.full((600, 900, 3), 90, np.uint8))

    found = page(row(name="a.jpg"), folder=tmp_path)

    (image,) = [attributes for tag, attributes in found.tags if tag == "img"]
    assert (image["src"] or "").startswith("data:image/jpeg;base64,/9j/")
    (link,) = [attributes for tag, attributes in found.tags if tag == "a"]
    assert link["href"] == "overlays/a.jpg"
    assert not [tag for tag, attributes in found.tags if tag in ("link", "iframe", "object") or "srcset" in attributes]
    (policy,) = [attributes["content"] for tag, attributes in found.tags if "http-equiv" in attributes]
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_a_picture_that_is_missing_or_damaged_leaves_a_card_without_one(tmp_path: Path) -> None:
    (tmp_path / "overlays").mkdir()
    (tmp_path / "overlays" / "a.jpg").write_bytes(b"no picture")

    found = page(row(name="a.jpg"), row(name="b.jpg"), folder=tmp_path)

    assert not [tag for tag, _ in found.tags if tag == "img"]
    assert found.text.count("store store 7") == 2


def test_of_a_large_run_the_most_doubtful_counts_are_shown() -> None:
    rows = [row(f"plain{index}", number=4, low=4, high=4) for index in range(20)]
    rows.insert(7, row("capped", saturated=True))
    rows.insert(3, row("wide", number=4, low=1, high=9))

    text = page(*rows, shown=3).text

    cards = re.findall(r"(capped|wide|plain\d+) store", text)
    assert cards == ["capped", "wide", "plain0"]
    assert "The 3 most doubtful of 22 counts" in text


@pytest.mark.parametrize(
    ("counts", "bars"),
    [
        ([3], [("3", 1, 100)]),
        ([0, 2, 2], [("0", 1, 50), ("1", 0, 0), ("2", 2, 100)]),
        (
            [0, 23],
            [("0–1", 1, 100), *[(f"{low}–{low + 1}", 0, 0) for low in range(2, 22, 2)], ("22–23", 1, 100)],
        ),
        ([], []),
    ],
)
def test_a_distribution_has_at_most_a_dozen_bars(counts: list[int], bars: list[tuple[str, int, int]]) -> None:
    found = [(bar.label, bar.photos, bar.height) for bar in bars_of(Counter(counts))]
    assert found == bars
