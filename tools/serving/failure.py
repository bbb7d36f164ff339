"""What a caller over the network is told when something fails: three kinds of error, no path, no trace.

ShelfError
└── ServingError          the server, not the request, is the reason; trying again later may help
    ├── Busy              the queue is full, or the caller sends too much
    ├── TooLate           no result within the deadline
    └── Stopping          the server is shutting down
"""

import logging
import secrets
from dataclasses import dataclass
from typing import Literal

from segmentation.errors import ShelfError, UserError
from tools.errors import BadArguments, Cancelled, ToolError, UnknownImage, UnknownTool
from tools.serving.results import UnknownRecord

log = logging.getLogger(__name__)

Kind = Literal["user", "tool", "busy", "late", "stopping", "bug"]


class ServingError(ShelfError):
    """The server cannot do it now."""


class Busy(ServingError):
    """Too much work at once; `retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(f"{message}; try again in {retry_after} s")
        self.retry_after = retry_after


class TooLate(ServingError):
    """No result within the deadline."""


class Stopping(ServingError):
    """The server is shutting down."""


@dataclass(frozen=True)
class Failure:
    """A failure as every surface shows it. A bug has an id for the log, and its message says nothing else."""

    kind: Kind
    message: str
    status: int
    retry_after: int | None = None
    id: str | None = None


def failure_of(error: Exception) -> Failure:
    """Sort an exception into a failure; a bug is logged with its traceback under the id that is shown."""
    match error:
        case Busy():
            return Failure("busy", str(error), 429, retry_after=error.retry_after)
        case Stopping():
            return Failure("stopping", str(error), 503, retry_after=5)
        case TooLate() | Cancelled():
            return Failure("late", str(error), 504)
        case UnknownImage() | UnknownTool() | UnknownRecord():
            return Failure("tool", str(error), 404)
        case BadArguments() | ToolError():
            return Failure("tool", str(error), 422)
        case UserError():
            return Failure("user", str(error), 422)
    id = secrets.token_hex(4)
    log.error("bug %s", id, exc_info=error)
    return Failure("bug", f"internal error {id}; the server's log has the details", 500, id=id)
