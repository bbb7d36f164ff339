"""records.jsonl: every record as the tools returned it, with what is known of its photo and request."""

import json
from typing import Any, BinaryIO

from agent.batch.results.row import Row
from tools.records import CountRecord


class RecordWriter:
    """One JSON object per task, failed ones included."""

    def __init__(self, file: Any) -> None:
        self._file: BinaryIO = file

    def add(self, row: Row, count: CountRecord | None) -> None:
        """See RowWriter."""
        place = row.photo.place
        entry: dict[str, Any] = {
            "task": row.task,
            "photo": row.photo.name,
            "store": place.store,
            "bay": place.bay,
            "time": place.time,
            "request": row.sentence,
            "tool": row.call.tool,
            "arguments": row.call.plain(),
            "label": row.call.label(),
            "status": "failed" if row.record is None else "done",
        }
        entry |= {"error": row.error} if row.record is None else {"overlay": row.picture, "record": row.record}
        self._file.write((json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n").encode())

    def close(self) -> None:
        """See RowWriter."""
