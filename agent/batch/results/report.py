"""report.html: the run on one page that needs nothing but itself, on a desk or on a phone.

Pictures are small copies of the overlays, embedded; a click opens the overlay that lies beside the page. A
large run shows the most doubtful results only, and says so; all of them are in counts.csv.
"""

import base64
import heapq
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.batch.results.row import Row
from agent.batch.results.sums import Sums
from segmentation.printable import printable
from tools.records import CountRecord

if TYPE_CHECKING:
    from jinja2 import Template

SHOWN = 200  # cards on the page; each carries a picture of some 15 KB
LISTED = 200  # failures and warnings spelled out
STORES = 500  # rows of the table of stores
_LONGEST = 400  # px of an embedded picture
_BARS = 12


@dataclass(frozen=True, order=True)
class Card:
    """One count on the page. Sorts by doubt; `order` falls from row to row, so ties go to the first."""

    doubt: tuple[bool, float, bool]
    order: int
    photo: str = field(compare=False)
    where: str = field(compare=False)
    label: str = field(compare=False)
    count: int = field(compare=False)
    interval: str = field(compare=False)
    notes: tuple[str, ...] = field(compare=False)
    picture: str | None = field(compare=False)


@dataclass(frozen=True)
class Bar:
    """One bar of a distribution: which counts, how many photos, and its height in percent."""

    label: str
    photos: int
    height: int


class ReportWriter:
    """Adds up while rows come; holds the cards that will be shown and nothing else of the others."""

    def __init__(self, file: Any, folder: Path, engine: str, shown: int = SHOWN) -> None:
        self._file = file
        self._folder = folder
        self._engine = engine
        self._shown = shown
        self._photos: set[str] = set()
        self._rows = 0
        self._others = 0
        self._totals: dict[str, Sums] = {}
        self._stores: dict[str, dict[str, Sums]] = {}
        self._shelves: dict[int, dict[str, Sums]] = {}
        self._spread: dict[str, Counter[int]] = {}
        self._warnings: Counter[str] = Counter()
        self._saturated = 0
        self._failures: list[tuple[str, str, str, str]] = []
        self._failed = 0
        self._checkpoints: Counter[str] = Counter()
        self._cards: list[Card] = []

    def add(self, row: Row, count: CountRecord | None) -> None:
        """See RowWriter."""
        self._photos.add(row.photo.name)
        self._rows += 1
        label, store = printable(row.call.label()), printable(row.photo.place.store)
        if row.record is None:
            self._failed += 1
            if len(self._failures) < LISTED:
                name = printable(row.photo.name)
                self._failures.append((store, name, label, printable(row.error or "", 300)))
        if not row.counted:
            self._others += row.record is not None
            return
        added = [
            self._totals.setdefault(label, Sums()),
            self._stores.setdefault(store, {}).setdefault(label, Sums()),
        ]
        shelf, target = row.call.by_shelf()
        if shelf is not None:
            added.append(self._shelves.setdefault(shelf, {}).setdefault(printable(target), Sums()))
        for sums in added:
            sums.add(count)
        if count is None:
            return
        self._spread.setdefault(label, Counter())[count.count] += 1
        self._warnings.update(printable(warning) for warning in count.warnings)
        self._saturated += count.saturated
        self._checkpoints[printable(count.model.checkpoint or "no checkpoint")] += 1
        card = _card(row, count, label, -self._rows)
        # The heap's first card is the least doubtful one that is still shown.
        if len(self._cards) < self._shown:
            heapq.heappush(self._cards, card)
        else:
            heapq.heappushpop(self._cards, card)

    def close(self) -> None:
        """See RowWriter."""
        stores = sorted(self._stores.items())
        page = _template().render(
            photos=len(self._photos),
            rows=self._rows,
            others=self._others,
            failed=self._failed,
            saturated=self._saturated,
            engine=self._engine,
            checkpoints=sorted(self._checkpoints),
            totals=[(label, sums, bars_of(self._spread.get(label, Counter()))) for label, sums in self._totals.items()],
            labels=list(self._totals),
            stores=stores[:STORES] if len(stores) > 1 or self._stores.keys() - {""} else [],
            shelves=[(_shelf(number), self._shelves[number]) for number in sorted(self._shelves, key=_from_the_top)],
            on_shelves=list(dict.fromkeys(label for sums in self._shelves.values() for label in sums)),
            stores_left=max(0, len(stores) - STORES),
            failures=self._failures,
            warnings=self._warnings.most_common(LISTED),
            cards=[(card, self._thumbnail(card)) for card in self._in_order()],
            counted=sum(sums.photos for sums in self._totals.values()),
        )
        self._file.write(page.encode())

    def _in_order(self) -> list[Card]:
        """All of them: in the order of the plan. A choice of them: the most doubtful first."""
        if sum(sums.photos for sums in self._totals.values()) <= self._shown:
            return sorted(self._cards, key=lambda card: -card.order)
        return sorted(self._cards, reverse=True)

    def _thumbnail(self, card: Card) -> str | None:
        """The overlay, small, as a data URI; None when there is no overlay to be read."""
        if card.picture is None:
            return None
        import cv2

        pixels = cv2.imread(str(self._folder / card.picture), cv2.IMREAD_REDUCED_COLOR_2)  # (H/2, W/2, 3)
        if pixels is None:
            return None
        height, width = pixels.shape[:2]
        scale = min(1.0, _LONGEST / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 72])[1].tobytes()
        return "data:image/jpeg;base64," + base64.b64encode(data).decode()


@cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader

    loader = PackageLoader("agent.batch", "results")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("report.html.j2")


def _card(row: Row, count: CountRecord, label: str, order: int) -> Card:
    place = row.photo.place
    named = (("store", place.store), ("bay", place.bay), ("", place.time))
    notes = ("a limit was reached: there may be more",) * count.saturated
    notes += tuple(printable(warning) for warning in count.warnings)
    width = (count.high - count.low) / max(1, count.count)
    return Card(
        doubt=(count.saturated, round(width, 6), bool(count.warnings)),
        order=order,
        photo=printable(row.photo.name),
        where=" · ".join(f"{name} {printable(value)}".strip() for name, value in named if value),
        label=label,
        count=count.count,
        interval=f"{count.low}–{count.high}" if (count.low, count.high) != (count.count, count.count) else "",
        notes=notes,
        picture=row.picture,
    )


def _from_the_top(shelf: int) -> tuple[bool, int]:
    """Sorts shelves counted from the top before those counted from the bottom."""
    return shelf < 0, shelf


def _shelf(number: int) -> str:
    return {1: "1 (top)", -1: "-1 (bottom)"}.get(number, str(number))


def bars_of(spread: Counter[int]) -> list[Bar]:
    """How many photos have how many items, in at most a dozen bars of equal width."""
    if not spread:
        return []
    low, high = min(spread), max(spread)
    width = -(-(high - low + 1) // _BARS)
    starts = range(low, high + 1, width)
    numbers = [sum(spread[value] for value in range(start, start + width)) for start in starts]
    tallest = max(numbers)
    return [
        Bar(
            f"{start}" if width == 1 else f"{start}–{start + width - 1}",
            number,
            round(100 * number / tallest),
        )
        for start, number in zip(starts, numbers, strict=True)
    ]
