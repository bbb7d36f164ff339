"""Memory that was freed is given back to the system: work that needs much for a moment leaves much behind.

Reading labels allocates and frees some hundred megabytes a photo. glibc keeps them for itself once small blocks that
are still in use lie between them, and raises its limit for blocks that it would map on their own. Mapping every large
block instead (a fixed M_MMAP_THRESHOLD) holds as little and took half as much processor time again
(docs/reliability.md).
"""

import ctypes
from functools import cache

KEPT = 128 * 2**20  # bytes of free heap that may stay: the next photo would ask for them anyway


class _Heap(ctypes.Structure):
    """`struct mallinfo2` of malloc.h (glibc 2.33)."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    )


def give_back(kept: int = KEPT) -> bool:
    """Give free heap back when more than `kept` bytes of it are held; whether there was something to give.

    Without glibc nothing is done: other C libraries do not hold on like that.
    """
    library = _library()
    return library is not None and library.mallinfo2().fordblks > kept and bool(library.malloc_trim(0))


@cache
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        library.mallinfo2.restype = _Heap
        library.malloc_trim.argtypes = [ctypes.c_size_t]
    except (OSError, TypeError, AttributeError):  # no such library, or one without these functions
        return None
    return library
