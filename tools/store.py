"""The photos that may be looked at: handed over by the user, uploaded, or lying under an allowed folder.

A photo is known by its id. What was named by the user (`add`) is trusted; what a caller of a tool names
(`get`) must be known already, lie under an allowed root, or carry its own bytes (a data URI). Nothing else
is read. A file that has changed is read again when it is asked for by name or path; an id always means its
own bytes.
"""

import base64
import binascii
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from urllib.parse import unquote_to_bytes

from segmentation.errors import PhotoError
from segmentation.photo import OPEN_FLAGS, Photo, decode_photo, file_name, photo_of_descriptor, read_photo
from segmentation.printable import printable
from tools.errors import UnknownImage
from tools.records import ImageInfo

MAX_LISTED = 12
MAX_KNOWN = 10_000
MAX_NAMES = 16  # of one photo: its first and its last ones


Signature = tuple[int, int, int]
GONE: Signature = (0, 0, 0)


@dataclass(frozen=True)
class _Place:
    """A file: named by the user (`root` is None), or found under a root."""

    path: Path  # resolved
    root: Path | None = None

    def read(self) -> Photo:
        if self.root is None:
            return read_photo(self.path)
        return photo_of_descriptor(_open_beneath(self.root, self.path), file_name(self.path.name))

    def signature(self) -> Signature:
        """What changes when the file is written again."""
        try:
            status = self.path.stat()
        except (OSError, ValueError):
            return GONE
        return status.st_mtime_ns, status.st_size, status.st_ino


@dataclass
class _Known:
    """Where a photo came from, so that its pixels can be dropped and read again."""

    id: str
    names: dict[str, None] = field(default_factory=dict)  # in the order of their arrival
    places: dict[_Place, Signature] = field(default_factory=dict)
    data: bytes | None = None  # as uploaded
    used: float = 0.0

    @property
    def name(self) -> str:
        return next(iter(self.names))


@dataclass(frozen=True)
class Limits:
    """How much is kept. An upload that nobody uses is forgotten; a file is read again when it is needed."""

    pixel_bytes: int = 512 * 2**20
    upload_bytes: int = 256 * 2**20
    upload_seconds: float = 3600.0
    data_uri_bytes: int = 4 * 2**20


class ImageStore:
    """Photos by id, with the pixels of the last used ones in memory. Safe to use from several threads.

    Args:
        roots: folders whose photos may be named by path. None by default.
        hand_over: how the user of this surface hands a photo over; ends every complaint about an unknown one.
        fetch: gets the bytes of a URL; without it no URL is opened.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        roots: tuple[Path, ...] = (),
        *,
        limits: Limits | None = None,
        hand_over: str = "name a photo file that was given at the start, or add one",
        fetch: Callable[[str], bytes] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self._roots = tuple(root.resolve() for root in roots)
        self._hand_over = hand_over
        self._fetch = fetch
        self._clock = clock
        self._lock = Lock()
        self._known: OrderedDict[str, _Known] = OrderedDict()  # least recently used first
        self._pixels: OrderedDict[str, Photo] = OrderedDict()

    def add(self, source: str | os.PathLike[str] | bytes, name: str = "photo") -> Photo:
        """Take a photo that the user hands over: a path of any place, or the bytes of a file.

        Raises:
            PhotoError: it cannot be read.
        """
        if isinstance(source, bytes):
            return self._remember(decode_photo(source, name), data=source)
        try:
            place = _Place(Path(source).resolve())
        except (OSError, ValueError, RuntimeError):  # a NUL byte; a loop of links
            raise PhotoError(f"{file_name(os.fspath(source))}: not a path") from None
        # The signature is taken first: a file written while it is read is read again the next time.
        signature = place.signature()
        return self._remember(place.read(), place=place, signature=signature)

    def get(self, reference: str) -> Photo:
        """The photo of that id, file name, path under a root, or data URI.

        Raises:
            UnknownImage: there is none, with what is known and how to hand one over.
            PhotoError: it is there and cannot be read.
        """
        if reference.startswith("data:"):
            return self.add(self._data_of(reference), "data-uri")
        if reference.startswith(("http://", "https://")):
            if self._fetch is None:
                raise UnknownImage(f"URLs are not opened here; {self._hand_over}")
            return self.add(self._fetch(reference), reference.split("?")[0])
        with self._lock:
            self._expire()
            known = self._known.get(reference)
        if known is not None:
            return self._by_id(known)
        if (place := self._place(reference)) is not None:
            return self._fresh(place)
        with self._lock:
            known = self._named(reference)
        if known is None:
            raise UnknownImage(self._complaint(reference))
        return self._fresh(next(reversed(known.places))) if known.places else self._by_id(known)

    def known(self) -> tuple[tuple[str, str], ...]:
        """The id and file name of every photo, the last used one last."""
        with self._lock:
            self._expire()
            return tuple((known.id, known.name) for known in self._known.values())

    def pixel_bytes(self) -> int:
        """How many bytes of pixels are held."""
        with self._lock:
            return sum(photo.pixels.nbytes for photo in self._pixels.values())

    def _named(self, name: str) -> _Known | None:
        named = [each for each in self._known.values() if name in each.names and (each.places or each.data)]
        if len(named) > 1:
            ids = ", ".join(known.id for known in named[:MAX_LISTED])
            raise UnknownImage(f"several photos are called {printable(name)!r}; use one of the ids {ids}")
        return named[0] if named else None

    def _by_id(self, known: _Known) -> Photo:
        """The very bytes of that id, wherever they can still be had."""
        if (photo := self._cached(known)) is not None:
            return photo
        if known.data is not None:
            return self._remember(decode_photo(known.data, known.name), data=known.data)
        for place in tuple(known.places):
            try:
                signature, photo = place.signature(), place.read()
            except (OSError, PhotoError):
                continue
            if photo.id == known.id:
                return self._remember(photo, place=place, signature=signature)
        with self._lock:
            self._forget(known.id)
        raise UnknownImage(f"the file of photo {known.id} ({known.name}) has gone or changed; {self._hand_over}")

    def _place(self, reference: str) -> _Place | None:
        """The file that a path names, if it may be read: missing and out of bounds look alike."""
        for root, path in [(None, Path(reference)), *((root, root / reference) for root in self._roots)]:
            try:
                place = _Place(path.resolve(strict=True), root)
            except (OSError, ValueError, RuntimeError):  # missing; a NUL byte; a loop of links
                continue
            if root is not None and place.path != root and place.path.is_relative_to(root):
                return place
            with self._lock:
                if any(place in known.places for known in self._known.values()):
                    return place
        return None

    def _fresh(self, place: _Place) -> Photo:
        """What the file holds now, from memory if it has not been written since."""
        signature = place.signature()
        with self._lock:
            known = next((each for each in self._known.values() if each.places.get(place) == signature), None)
        photo = self._cached(known) if known is not None else None
        if photo is not None and signature != GONE:
            return photo
        try:
            return self._remember(place.read(), place=place, signature=signature)
        except OSError:  # a link, or nothing, where a file was a moment ago
            raise UnknownImage(self._complaint(place.path.name)) from None

    def _cached(self, known: _Known) -> Photo | None:
        with self._lock:
            photo = self._pixels.get(known.id)
            if photo is not None and known.id in self._known:
                known.used = self._clock()
                self._known.move_to_end(known.id)
                self._pixels.move_to_end(known.id)
            return photo

    def _complaint(self, reference: str) -> str:
        listed = self.known()[-MAX_LISTED:]
        known = ", ".join(f"{id} ({name})" for id, name in reversed(listed)) or "none"
        return f"no photo {printable(reference, 80)!r} is known; known: {known}; {self._hand_over}"

    def _data_of(self, uri: str) -> bytes:
        head, comma, body = uri.partition(",")
        if len(body) > self.limits.data_uri_bytes * 4 // 3 + 4:
            limit = self.limits.data_uri_bytes // 2**20
            raise UnknownImage(f"a data URI may hold {limit} MB; {self._hand_over}")
        try:
            if comma and head.endswith(";base64"):
                return base64.b64decode(unquote_to_bytes(body), validate=True)
        except binascii.Error:
            pass
        raise UnknownImage("the data URI is not of the form data:image/jpeg;base64,...")

    def _remember(
        self,
        photo: Photo,
        *,
        place: _Place | None = None,
        signature: Signature = (0, 0, 0),
        data: bytes | None = None,
    ) -> Photo:
        with self._lock:
            known = self._known.setdefault(photo.id, _Known(photo.id))
            known.names[photo.name] = None
            if len(known.names) > MAX_NAMES:
                del known.names[list(known.names)[1]]
            known.used = self._clock()
            if place is not None:
                for other in self._known.values():
                    other.places.pop(place, None)
                known.places[place] = signature
            else:
                known.data = data
            self._known.move_to_end(photo.id)
            self._pixels[photo.id] = photo
            self._pixels.move_to_end(photo.id)
            self._expire()
            self._shrink()
        return photo

    def _expire(self) -> None:
        oldest = self._clock() - self.limits.upload_seconds
        for known in [known for known in self._known.values() if known.data and known.used < oldest]:
            self._drop_upload(known)

    def _drop_upload(self, known: _Known) -> None:
        known.data = None
        if not known.places:
            self._forget(known.id)

    def _shrink(self) -> None:
        """Drop what was used longest ago until all limits hold; the photo used last always stays."""
        held = sum(photo.pixels.nbytes for photo in self._pixels.values())
        while held > self.limits.pixel_bytes and len(self._pixels) > 1:
            held -= self._pixels.popitem(last=False)[1].pixels.nbytes
        uploads = [known for known in self._known.values() if known.data]
        held = sum(len(known.data or b"") for known in uploads)
        for known in uploads[:-1]:
            if held <= self.limits.upload_bytes:
                break
            held -= len(known.data or b"")
            self._drop_upload(known)
        while len(self._known) > MAX_KNOWN:
            self._forget(next(iter(self._known)))

    def _forget(self, id: str) -> None:
        self._known.pop(id, None)
        self._pixels.pop(id, None)


def image_info(photo: Photo) -> ImageInfo:
    """What a record says about the photo it is of."""
    return ImageInfo(id=photo.id, sha256=photo.sha256, width=photo.width, height=photo.height, name=photo.name)


def _open_beneath(root: Path, path: Path) -> int:
    """Open a resolved path below a root, folder by folder and following no link.

    A link that was put there after the path was resolved is refused (OSError), not followed.
    """
    *folders, last = path.relative_to(root).parts
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = below
        return os.open(last, OPEN_FLAGS | os.O_NOFOLLOW, dir_fd=here)
    finally:
        os.close(here)
