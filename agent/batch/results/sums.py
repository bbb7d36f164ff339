"""Counts added up over photos."""

from dataclasses import dataclass

from tools.records import CountRecord


@dataclass
class Sums:
    """A total with its interval: low and high are added as if all errors went the same way."""

    photos: int = 0
    total: int = 0
    low: int = 0
    high: int = 0
    empty: int = 0
    failed: int = 0

    def add(self, count: CountRecord | None) -> None:
        """Take one photo's count; None is a photo on which it failed."""
        if count is None:
            self.failed += 1
        else:
            self.add_numbers(count.count, count.low, count.high)

    def add_numbers(self, count: int, low: int, high: int) -> None:
        """Take one photo's count, given as numbers."""
        self.photos += 1
        self.total += count
        self.low += low
        self.high += high
        self.empty += count == 0

    @property
    def mean(self) -> float:
        """Items per photo, of those that could be counted."""
        return self.total / self.photos if self.photos else 0.0

    @property
    def interval(self) -> str:
        """'10–14', or nothing when it is no wider than the total."""
        return "" if self.low == self.high == self.total else f"{self.low}–{self.high}"
