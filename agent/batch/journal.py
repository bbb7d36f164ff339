"""The journal: the one truth about what of a run is done.

One JSON object per line, only ever appended, each line ended by the CRC-32 of what stands before it:

    {"event":"open"}                                            a process took the run up
    {"event":"start","photo":URI}                               it began with a photo
    {"event":"photo","photo":URI,"stamp":STAMP,"sha256":HASH}   what the photo was when it was read
    {"event":"done","task":ID,"record":{...}}                   one task, finished once and for all
    {"event":"failed","task":ID,"error":TEXT}                   a result too; a later "done" beats it
    {"event":"stop"}                                            the process left in good order

All lines of a photo are written at once when it is finished. fsync follows at most once a second and when the
run stops: the death of the process loses nothing that was written; a power cut loses at most a second, which
is then done again. A torn last line is cut off; a damaged line before it is refused.

A task's id is a hash of the photo's content, the call, and the engine's fingerprint, so records of different
weights or options are never taken for each other.
"""

import hashlib
import json
import os
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from agent.batch.call import Call
from agent.batch.disk import Disk
from agent.batch.errors import RunRefused, StorageError

FATAL_DEATHS = 3  # process deaths in a row, each with one photo alone in work, until that photo is blamed
SYNC_SECONDS = 1.0


@dataclass(frozen=True)
class Seen:
    """What a photo was when it was read; `sha256` is None when it could not be."""

    stamp: str
    sha256: str | None


@dataclass(frozen=True)
class Result:
    """The end of one task: a record as JSON text, or an error."""

    task: str
    record: str | None
    error: str | None = None

    def head(self) -> dict[str, Any]:
        """The entry without its content."""
        return {"event": "failed" if self.record is None else "done", "task": self.task}

    def line(self) -> bytes:
        """The whole line."""
        if self.record is None:
            return _line(self.head() | {"error": self.error})
        # The record is JSON already; parsing it to write it again would double the cost of a large run.
        return _sealed(f'{{"event":"done","task":"{self.task}","record":{self.record}}}')


@dataclass
class State:
    """What the lines of a journal add up to."""

    photos: dict[str, Seen] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)  # task -> offset of its line
    failed: dict[str, int] = field(default_factory=dict)
    suspects: dict[str, int] = field(default_factory=dict)  # photo in work when a process died -> deaths in a row
    _in_work: set[str] = field(default_factory=set)
    _finished_any: bool = False

    def take(self, entry: dict[str, Any], offset: int) -> None:
        """Account for one line."""
        match entry["event"]:
            case "open":
                self._bury()
            case "start":
                self._in_work.add(entry["photo"])
            case "photo":
                self.photos[entry["photo"]] = Seen(entry["stamp"], entry["sha256"])
                self._in_work.discard(entry["photo"])
                self.suspects.pop(entry["photo"], None)
                self._finished_any = True
            case "stop":
                self._in_work.clear()
            case "done":
                self.done.setdefault(entry["task"], offset)
                self.failed.pop(entry["task"], None)
            case "failed":
                if entry["task"] not in self.done:
                    self.failed[entry["task"]] = offset

    def task(self, photo: str, call: Call, engine: str) -> str:
        """The id of a task on a photo that was seen; one that cannot be read stands for its own content."""
        seen = self.photos[photo]
        return task_id(seen.sha256 or unread(photo, seen.stamp), call, engine)

    def _bury(self) -> None:
        """The process before this one died with these photos in work.

        One photo alone, and nothing finished in that whole life: that may be a photo that kills. Anything
        else may as well have been a kill from outside, and only puts the photos at the end of the queue.
        """
        alone = len(self._in_work) == 1 and not self._finished_any
        for photo in self._in_work:
            self.suspects[photo] = self.suspects.pop(photo, 0) + 1 if alone else 1
        self._in_work.clear()
        self._finished_any = False


def task_id(photo: str, call: Call, engine: str) -> str:
    """The id of a task; `photo` is the hash of the photo's content."""
    text = json.dumps([photo, call.tool, call.arguments, engine], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def unread(uri: str, stamp: str) -> str:
    """What stands for the content hash of a photo that cannot be read."""
    return f"unread {uri} {stamp}"


class Journal:
    """The journal of one run, held open by the one process that works on it."""

    def __init__(self, path: Path, disk: Disk | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Open or create, cut off a torn last line, and note that a process took the run up.

        Raises:
            RunRefused: a line before the last is damaged.
            StorageError: it cannot be written.
        """
        self._path = path
        self._disk = disk or Disk()
        self._clock = clock
        self._synced = clock()
        self.state = State()
        end = 0
        if path.exists():
            for offset, entry, length in _entries(path):
                self.state.take(entry, offset)
                end = offset + length
        self._descriptor = self._disk.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        os.ftruncate(self._descriptor, end)
        self._end = self._settled = end
        self._note({"event": "open"})
        self.sync()

    def start(self, photo: str) -> None:
        """Note that work on a photo begins."""
        self._note({"event": "start", "photo": photo})

    def finish(self, photo: str, seen: Seen, results: Iterable[Result]) -> int:
        """Append what came of a photo; what is done already is left alone. Returns how many were new."""
        fresh = [result for result in results if result.task not in self.state.done]
        entry = {"event": "photo", "photo": photo, "stamp": seen.stamp, "sha256": seen.sha256}
        self._append([(entry, _line(entry)), *((result.head(), result.line()) for result in fresh)])
        if self._clock() - self._synced >= SYNC_SECONDS:
            self.sync()
        return len(fresh)

    def stop(self) -> None:
        """Note that the process leaves in good order: what is in work is not suspect."""
        self._note({"event": "stop"})
        self.sync()

    def abandon(self) -> None:
        """Take back the last "start" lines: the process ends by an error of its own, not by a photo.

        Needs no space, as "stop" would: the error may be that there is none.
        """
        os.ftruncate(self._descriptor, self._settled)

    def sync(self) -> None:
        """Everything on the disk."""
        self._disk.sync(self._descriptor)
        self._synced = self._clock()

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def reader(self) -> "JournalReader":
        """Random access to results."""
        return JournalReader(self._path, self.state)

    def _note(self, entry: dict[str, Any]) -> None:
        self._append([(entry, _line(entry))])

    def _append(self, entries: list[tuple[dict[str, Any], bytes]]) -> None:
        try:
            self._disk.write_all(self._descriptor, b"".join(line for _, line in entries))
        except StorageError:
            # A full disk takes half a line; what is left must end where the last whole line ends.
            os.ftruncate(self._descriptor, self._end)
            raise
        for entry, line in entries:
            self.state.take(entry, self._end)
            self._end += len(line)
            if entry["event"] != "start":
                self._settled = self._end


class JournalReader:
    """Reads results by task."""

    def __init__(self, path: Path, state: State) -> None:
        self._file: BinaryIO = path.open("rb")
        self._state = state

    def __enter__(self) -> "JournalReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def result(self, task: str) -> dict[str, Any] | None:
        """The entry that ended a task; None when nothing has."""
        offset = self._state.done.get(task, self._state.failed.get(task))
        if offset is None:
            return None
        self._file.seek(offset)
        entry: dict[str, Any] = json.loads(self._file.readline())
        return entry


def _line(entry: dict[str, Any]) -> bytes:
    return _sealed(json.dumps(entry, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def _sealed(text: str) -> bytes:
    body = text[:-1].encode("utf-8", "surrogatepass")
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def _opened(line: bytes) -> dict[str, Any] | None:
    """The entry of a line; None when it is torn or damaged."""
    body, seal = line[:-19], line[-19:]
    if seal != b',"crc":"%08x"}\n' % zlib.crc32(body):
        return None
    entry: dict[str, Any] = json.loads(line)
    return entry


def _entries(path: Path) -> Iterator[tuple[int, dict[str, Any], int]]:
    """Offset, entry and length of each sound line; a torn tail is left out."""
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            entry = _opened(line)
            if entry is None:
                if file.read(1):
                    raise RunRefused(
                        f"{path}: line {number} is damaged; put back a sound copy, or start over with --new"
                    )
                return
            yield offset, entry, len(line)
            offset += len(line)
