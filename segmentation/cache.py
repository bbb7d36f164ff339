"""A cache that forgets what was used longest ago once it holds more than so many bytes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class ByteCache(Generic[Value]):
    """Least recently used values, bounded in bytes. Not locked: its owner holds a lock."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._entries: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> Value | None:
        """The value, which now counts as used last; None when it is not there."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        """Keeps a value of that size in bytes; one larger than the whole cache is not kept."""
        previous = self._entries.pop(key, None)
        self.used += size - (previous[1] if previous else 0)
        self._entries[key] = (value, size)
        while self.used > self.limit:
            _, (_, freed) = self._entries.popitem(last=False)
            self.used -= freed
