"""All result files of a run, written together from one pass over its rows: all of them appear, or none."""

from collections.abc import Callable
from typing import Any

from agent.batch.folder import RunFolder
from agent.batch.instructions import Output
from agent.batch.journal import JournalReader, State
from agent.batch.plan import Plan
from agent.batch.results.coco import CocoWriter
from agent.batch.results.labelstudio import LabelStudioWriter
from agent.batch.results.records import RecordWriter
from agent.batch.results.report import ReportWriter
from agent.batch.results.row import RowWriter, rows
from agent.batch.results.table import CsvWriter, ParquetWriter

FILES: dict[Output, str] = {
    "jsonl": "records.jsonl",
    "csv": "counts.csv",
    "parquet": "counts.parquet",
    "coco": "coco.json",
    "labelstudio": "labelstudio.json",
    "report": "report.html",
}
_WRITERS: dict[Output, Callable[[Any], RowWriter]] = {
    "jsonl": RecordWriter,
    "csv": CsvWriter,
    "parquet": ParquetWriter,
    "coco": CocoWriter,
    "labelstudio": LabelStudioWriter,
}


def write_results(plan: Plan, folder: RunFolder, engine: str, state: State, reader: JournalReader) -> None:
    """Write the chosen outputs.

    Raises:
        StorageError: nothing was changed; the results of an earlier run are still there.
    """
    with folder.disk.together() as files:
        writers: list[RowWriter] = []
        for output in plan.outputs:
            if output in _WRITERS:
                writers.append(_WRITERS[output](files.create(folder.path / FILES[output])))
            elif output == "report":
                writers.append(ReportWriter(files.create(folder.path / FILES[output]), folder.path, engine))
        for row in rows(plan, folder, engine, state, reader):
            count = row.count()
            for writer in writers:
                writer.add(row, count)
        for writer in writers:
            writer.close()
