"""How a run writes: whole files or none, and a journal that is only ever appended to.

All writes go through the four primitives of `Disk`, so that a test can make the k-th of them fail or kill the
process there.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.batch.errors import StorageError

TEMPORARY = ".partial-"  # files of this name are leftovers of a killed process
_BUFFER = 1 << 20


class Disk:
    """The primitives. Each raises StorageError where the system refuses."""

    def open(self, path: Path, flags: int) -> int:
        """A descriptor for writing."""
        try:
            return os.open(path, flags, 0o644)
        except OSError as error:
            raise _storage(path, error) from error

    def write(self, descriptor: int, data: bytes) -> int:
        """Write some of the data and say how much."""
        try:
            return os.write(descriptor, data)
        except OSError as error:
            raise _storage(None, error) from error

    def sync(self, descriptor: int) -> None:
        """Wait until what was written is on the disk."""
        try:
            os.fsync(descriptor)
        except OSError as error:
            raise _storage(None, error) from error

    def rename(self, source: Path, target: Path) -> None:
        """Put a finished file in its place; the change is on the disk when this returns."""
        try:
            source.replace(target)
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise _storage(target, error) from error

    def write_all(self, descriptor: int, data: bytes) -> None:
        """Write all of the data."""
        view = memoryview(data)
        while view:
            view = view[self.write(descriptor, bytes(view)) :]

    def put(self, path: Path, data: bytes) -> None:
        """A small file, whole or not at all."""
        with self.together() as files:
            files.create(path).write(data)

    @contextmanager
    def together(self) -> Iterator["WholeFiles"]:
        """Several files that appear when all of them are complete; none does when the block raises."""
        files = WholeFiles(self)
        try:
            yield files
            files.complete()
        finally:
            files.discard()


class WholeFiles:
    """Files under temporary names until `complete`."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._open: dict[Path, _File] = {}

    def create(self, path: Path) -> io.RawIOBase:
        """A binary file that will stand at `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _File(self._disk, path.with_name(TEMPORARY + path.name))
        self._open[path] = file
        return file

    def complete(self) -> None:
        """All data to the disk, then all names."""
        for file in self._open.values():
            file.finish()
        for path, file in list(self._open.items()):
            self._disk.rename(file.path, path)
            del self._open[path]

    def discard(self) -> None:
        """Take away what was not completed."""
        for file in self._open.values():
            file.release()
            file.path.unlink(missing_ok=True)
        self._open.clear()


class _File(io.RawIOBase):
    """A binary file with its own buffer: io.BufferedWriter would try a failed write again on closing."""

    def __init__(self, disk: Disk, path: Path) -> None:
        super().__init__()
        self.path = path
        self._disk = disk
        self._buffer = bytearray()
        self._written = 0
        self._descriptor = disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._buffer += data
        size = len(memoryview(data).cast("B"))
        self._written += size
        if len(self._buffer) >= _BUFFER:
            self._drain()
        return size

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing: a writer that flushes after each row would undo the buffer."""

    def close(self) -> None:
        """Nothing: a library that closes its sink must not decide that the file is complete."""

    def finish(self) -> None:
        self._drain()
        self._disk.sync(self._descriptor)
        self.release()

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _drain(self) -> None:
        self._disk.write_all(self._descriptor, bytes(self._buffer))
        self._buffer.clear()


def _storage(path: Path | None, error: OSError) -> StorageError:
    where = f"{path.name}: " if path else ""
    return StorageError(f"{where}{(error.strerror or 'cannot be written').lower()}")
