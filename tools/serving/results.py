"""Records that were returned, kept for a while so that they and their pictures can be fetched again."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from sys import getsizeof
from threading import Lock

from tools.errors import ToolError
from tools.records import Record

MAX_BYTES = 64 * 2**20


class UnknownRecord(ToolError):
    """No record of that id is kept."""


@dataclass(frozen=True)
class Result:
    """A record, its JSON text and the id under which it is kept."""

    id: str
    record: Record
    json: str

    @classmethod
    def of(cls, record: Record) -> "Result":
        """Give a record an id that nobody can guess."""
        return cls(secrets.token_hex(8), record, record.model_dump_json())


class Results:
    """The last results, bounded in bytes; the one used longest ago goes first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        # As text: the models of a record with masks take several times its bytes.
        self._kept: OrderedDict[str, tuple[type[Record], str]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def keep(self, result: Result) -> None:
        """Keep one more."""
        with self._lock:
            self._kept[result.id] = (type(result.record), result.json)
            self._bytes += getsizeof(result.json)
            while self._bytes > self._max_bytes and len(self._kept) > 1:
                self._bytes -= getsizeof(self._kept.popitem(last=False)[1][1])

    def get(self, id: str) -> Result:
        """The result of that id.

        Raises:
            UnknownRecord: there is none, or no more.
        """
        with self._lock:
            if id not in self._kept:
                raise UnknownRecord("no record of that id is kept; call the tool again")
            self._kept.move_to_end(id)
            model, json = self._kept[id]
        return Result(id, model.model_validate_json(json), json)
