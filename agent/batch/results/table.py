"""counts.csv and counts.parquet: one row per photo and target."""

import csv
import io
import re
from dataclasses import dataclass
from typing import Any

from agent.batch.results.row import Row
from tools.records import CountRecord

_FORMULA = tuple("=+-@＝＋－＠")
_CONTROL = re.compile("[\\x00-\\x1f\\x7f]")
_PARQUET_ROWS = 10_000  # per row group: what is held in memory at most


@dataclass(frozen=True)
class Counted:
    """A row of the tables. Numbers are None where the task failed."""

    store: str
    bay: str
    time: str
    photo: str
    request: str
    label: str
    target: str
    status: str
    count: int | None
    low: int | None
    high: int | None
    components: int | None
    presence: float | None
    saturated: bool | None
    warnings: str
    error: str
    width: int | None
    height: int | None
    photo_sha256: str
    checkpoint: str
    overlay: str
    task: str


def counted(row: Row, count: CountRecord | None) -> Counted:
    """The table row of a count, failed or not."""
    place = row.photo.place
    return Counted(
        store=place.store,
        bay=place.bay,
        time=place.time,
        photo=row.photo.name,
        request=row.sentence,
        label=row.call.label(),
        target=str(row.call.plain().get("target", "")),
        status="done" if count else "failed",
        count=count.count if count else None,
        low=count.low if count else None,
        high=count.high if count else None,
        components=count.components if count else None,
        presence=round(count.presence, 4) if count else None,
        saturated=count.saturated if count else None,
        warnings="; ".join(count.warnings) if count else "",
        error=row.error or "",
        width=count.image.width if count else None,
        height=count.image.height if count else None,
        photo_sha256=count.image.sha256 if count else "",
        checkpoint=(count.model.checkpoint or "") if count else "",
        overlay=row.picture or "",
        task=row.task,
    )


def safe_cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula.

    A text that begins with one of = + - @ (ordinary or full-width), after whatever blanks, gets an apostrophe
    in front; control characters become blanks (OWASP, "CSV Injection").
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    text = _CONTROL.sub(" ", value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


class CsvWriter:
    """UTF-8 with the mark that spreadsheets need to read it as such."""

    def __init__(self, file: Any) -> None:
        self._file = file
        file.write("\ufeff".encode())
        self._write(list(Counted.__dataclass_fields__))

    def add(self, row: Row, count: CountRecord | None) -> None:
        """See RowWriter."""
        if row.counted:
            self._write([safe_cell(value) for value in vars(counted(row, count)).values()])

    def close(self) -> None:
        """See RowWriter."""

    def _write(self, cells: list[object]) -> None:
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="\r\n").writerow(cells)
        self._file.write(line.getvalue().encode())


class ParquetWriter:
    """The same columns with their types, and the box and score of every instance."""

    def __init__(self, file: Any) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = {"count": pa.int32(), "low": pa.int32(), "high": pa.int32(), "components": pa.int32()}
        kinds |= {
            "width": pa.int32(),
            "height": pa.int32(),
            "presence": pa.float32(),
            "saturated": pa.bool_(),
        }
        box = pa.struct([(name, pa.int32()) for name in ("id", "x0", "y0", "x1", "y1")] + [("score", pa.float32())])
        fields = [(name, kinds.get(name, pa.string())) for name in Counted.__dataclass_fields__]
        self._schema = pa.schema([*fields, ("instances", pa.list_(box))])
        self._table = pa.Table
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def add(self, row: Row, count: CountRecord | None) -> None:
        """See RowWriter."""
        if not row.counted:
            return
        instances = [
            {"id": item.id, **dict(zip(("x0", "y0", "x1", "y1"), item.box, strict=True)), "score": item.score}
            for item in (count.instances if count else ())
        ]
        self._rows.append(vars(counted(row, count)) | {"instances": instances if count else None})
        if len(self._rows) >= _PARQUET_ROWS:
            self._drain()

    def close(self) -> None:
        """See RowWriter."""
        self._drain()
        self._writer.close()

    def _drain(self) -> None:
        if self._rows:
            self._writer.write_table(self._table.from_pylist(self._rows, schema=self._schema))
            self._rows = []
