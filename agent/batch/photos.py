"""Where the photos of a batch are: files, folders, globs and fsspec URLs, listed but not opened."""

import glob
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agent.batch.instructions import NOWHERE, Place, Source
from segmentation.errors import PhotoError
from segmentation.printable import printable

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
READ_TRIES = 4  # of a photo in an object store, which refuses now and then by design
_MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class PhotoRef:
    """A photo that was found and not opened.

    `name` is how it is called in results: relative to the instruction file where it lies below it. `stamp`
    changes when the file does (size and time, or the entity tag of an object store).
    """

    name: str
    uri: str
    stamp: str
    place: Place = NOWHERE


class NoPhotos(Exception):
    """A source names nothing; the text says why."""


def is_url(pattern: str) -> bool:
    """Whether a pattern is for fsspec rather than for the local file system."""
    return "://" in pattern


def list_photos(source: Source, base: Path) -> tuple[list[PhotoRef], int]:
    """The photos of a source in the order of their names, and how many other files were passed over.

    A file named outright is taken whatever its ending. Folders are searched with all below them; of folders
    and globs only what ends like a photo is taken.

    Raises:
        NoPhotos: nothing there, nothing left after include and exclude, or the store cannot be listed.
    """
    found = _list_url(source.pattern) if is_url(source.pattern) else _list_local(source.pattern, base)
    outright = len(found) == 1 and not _MAGIC.intersection(source.pattern)
    photos, passed = [], 0
    for name, uri, stamp in found:
        if not outright and not name.lower().endswith(ENDINGS):
            passed += 1
        elif _wanted(name, source):
            photos.append(PhotoRef(name, uri, stamp, source.place))
    if not photos:
        raise NoPhotos(_why_empty(source.pattern, len(found), passed))
    return photos, passed


def _why_empty(pattern: str, found: int, passed: int) -> str:
    if not found:
        return f"{pattern!r} matches no photo"
    if found == passed:
        return f"{pattern!r} matches {found} files, none of which ends like a photo"
    return f"{pattern!r}: 'include' and 'exclude' leave none of its photos"


def _wanted(name: str, source: Source) -> bool:
    last = name.rsplit("/", 1)[-1]

    def matches(pattern: str) -> bool:
        return fnmatch(name if "/" in pattern else last, pattern)

    return (not source.include or any(map(matches, source.include))) and not any(map(matches, source.exclude))


def _list_local(pattern: str, base: Path) -> list[tuple[str, str, str]]:
    path = os.path.join(base, os.path.expanduser(pattern))  # noqa: PTH111, PTH118 - 100,000 Path objects are slow
    try:
        try:
            status = os.stat(path)  # noqa: PTH116
            files = list(_walk(path)) if stat.S_ISDIR(status.st_mode) else [(path, status)]
        except FileNotFoundError:
            if not _MAGIC.intersection(pattern):
                raise
            matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207
            files = [(match, os.stat(match)) for match in matches if os.path.isfile(match)]  # noqa: PTH113, PTH116
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise NoPhotos(f"{pattern!r}: {reason.lower()}") from None
    root = str(base.absolute())
    return [
        (_name(path, root), os.path.abspath(path), f"{status.st_size}-{status.st_mtime_ns}")  # noqa: PTH100
        for path, status in files
    ]


def _walk(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every file below a folder by name; hidden ones and links to folders are left out."""
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
        elif entry.is_file():
            yield entry.path, entry.stat()


def _name(path: str, root: str) -> str:
    absolute = os.path.abspath(path)  # noqa: PTH100
    inside = absolute.startswith(root + os.sep)
    name = (absolute[len(root) + 1 :] if inside else absolute).replace(os.sep, "/")
    # A file name may hold anything, even bytes that are no text.
    return name if name.isprintable() else printable(name, 500)


def _list_url(pattern: str) -> list[tuple[str, str, str]]:
    def listing() -> list[tuple[str, str, str]]:
        from fsspec.core import url_to_fs

        system, path = url_to_fs(pattern)
        if _MAGIC.intersection(pattern):
            found = system.glob(path, detail=True)
        elif system.isdir(path):
            found = system.find(path, detail=True)
        else:
            found = {path: system.info(path)}
        return [
            (str(system.unstrip_protocol(name)), str(system.unstrip_protocol(name)), _stamp(info))
            for name, info in sorted(found.items())
            if info.get("type") == "file"
        ]

    if urlsplit(pattern).password:
        raise NoPhotos("a password in a URL would end up in every result; put it into fsspec's configuration")
    try:
        return listing()
    except Exception as error:  # each store raises exceptions of its own; all mean that nothing can be listed
        raise NoPhotos(f"{pattern!r}: {_remote_reason(error)}") from None


def _stamp(info: dict[str, Any]) -> str:
    marks = (info.get(key) for key in ("ETag", "etag", "md5", "mtime", "LastModified", "last_modified", "created"))
    return f"{info.get('size')}-{next((mark for mark in marks if mark), '')}"


def _remote_reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "not found"
    if isinstance(error, ImportError):
        return f"{error}"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def read_url(uri: str, limit: int, sleep: Callable[[float], None] = time.sleep) -> bytes:
    """The bytes of an object, at most `limit` and one more; refusals of a busy store are tried again.

    Raises:
        PhotoError: the object is not there or the store goes on refusing.
    """
    from fsspec.core import url_to_fs

    name = uri.rsplit("/", 1)[-1]
    for attempt in range(READ_TRIES):
        try:
            system, path = url_to_fs(uri)
            with system.open(path, "rb") as file:
                data: bytes = file.read(limit + 1)
            return data
        except (FileNotFoundError, PermissionError, ImportError) as error:
            raise PhotoError(f"{name}: {_remote_reason(error)}") from error
        except Exception as error:  # each store has its own way to say "slow down"
            if attempt == READ_TRIES - 1:
                reason = _remote_reason(error)
                raise PhotoError(f"{name}: not read after {READ_TRIES} tries; {reason}") from error
            sleep(0.5 * 2**attempt)
    raise AssertionError("unreachable")
