"""Two runs side by side: what changed per store and target, and on which photos.

Totals are compared per store, since a second round rarely has photos of the same names. A change is called
clear when the intervals of the two totals do not touch. Where photos failed in one of the runs the totals are
of different photos, and the line says so.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.batch.errors import RunRefused
from agent.batch.results.sums import Sums
from tools.records import Frozen


class Side(Frozen):
    """One run's total of one target in one store."""

    total: int
    low: int
    high: int
    photos: int
    failed: int


class Change(Frozen):
    """One target in one store, before and after; None where a run did not ask for it there."""

    store: str
    label: str
    before: Side | None
    after: Side | None
    difference: int | None
    clear: bool
    uneven: bool


class PhotoChange(Frozen):
    """One photo of the same name in both runs, whose count is another one."""

    photo: str
    label: str
    before: int
    after: int
    clear: bool


class Diff(Frozen):
    """Everything that differs between two runs, and how many counts of a photo and target were compared."""

    stores: tuple[Change, ...]
    photos: tuple[PhotoChange, ...]
    same: int
    only_before: int
    only_after: int


Counts = dict[tuple[str, str], tuple[int, int, int]]  # photo, label -> count, low, high


def diff_runs(before: Path, after: Path) -> Diff:
    """Compare two output folders.

    Raises:
        RunRefused: one of them has no records.jsonl, or a damaged one.
    """
    sums_before, counts_before = _read(before)
    sums_after, counts_after = _read(after)
    keys = sorted(sums_before.keys() | sums_after.keys())
    shared = counts_before.keys() & counts_after.keys()
    return Diff(
        stores=tuple(_change(key, sums_before.get(key), sums_after.get(key)) for key in keys),
        photos=tuple(
            PhotoChange(
                photo=key[0],
                label=key[1],
                before=counts_before[key][0],
                after=counts_after[key][0],
                clear=_apart(counts_before[key][1:], counts_after[key][1:]),
            )
            for key in sorted(shared)
            if counts_before[key][0] != counts_after[key][0]
        ),
        same=len(shared),
        only_before=len(counts_before.keys() - shared),
        only_after=len(counts_after.keys() - shared),
    )


def _change(key: tuple[str, str], before: Sums | None, after: Sums | None) -> Change:
    change = Change(
        store=key[0],
        label=key[1],
        before=_side(before),
        after=_side(after),
        difference=None,
        clear=False,
        uneven=False,
    )
    if before is None or after is None:
        return change
    uneven = before.photos != after.photos or before.failed > 0 or after.failed > 0
    if not before.photos or not after.photos:
        return change.model_copy(update={"uneven": uneven})
    clear = _apart((before.low, before.high), (after.low, after.high))
    difference = after.total - before.total
    return change.model_copy(update={"difference": difference, "clear": clear, "uneven": uneven})


def _side(sums: Sums | None) -> Side | None:
    if sums is None:
        return None
    return Side(total=sums.total, low=sums.low, high=sums.high, photos=sums.photos, failed=sums.failed)


def _apart(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return one[1] < other[0] or other[1] < one[0]


def _read(folder: Path) -> tuple[dict[tuple[str, str], Sums], Counts]:
    """Totals per store and target, and the counts of single photos."""
    sums: dict[tuple[str, str], Sums] = {}
    counts: Counts = {}
    for entry in _entries(folder / "records.jsonl"):
        if entry["tool"] != "count":
            continue
        total = sums.setdefault((entry["store"], entry["label"]), Sums())
        if entry["status"] == "failed":
            total.failed += 1
            continue
        numbers = (entry["record"]["count"], entry["record"]["low"], entry["record"]["high"])
        total.add_numbers(*numbers)
        counts[entry["photo"], entry["label"]] = numbers
    return sums, counts


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            for line in file:
                yield json.loads(line)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise RunRefused(f"{path}: {reason}; compare the folders of two finished runs with output jsonl") from error
    except ValueError as error:
        raise RunRefused(f"{path}: damaged; run the batch again with --resume to write it anew") from error
