"""One tool call without its photo, as a value that can be compared, hashed and journalled."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol


@dataclass(frozen=True, order=True, slots=True)
class Call:
    """A tool and its arguments; `arguments` is canonical JSON, so equal calls are equal values."""

    tool: str
    arguments: str

    @classmethod
    def of(cls, tool: str, arguments: Mapping[str, Any]) -> "Call":
        """The call with plain arguments.

        Raises:
            TypeError, ValueError: what JSON cannot say.
        """
        text = json.dumps(dict(arguments), sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return cls(tool, text)

    def plain(self) -> dict[str, Any]:
        """The arguments as plain values."""
        value: dict[str, Any] = json.loads(self.arguments)
        return value

    def label(self) -> str:
        """What the call asks for, short enough for a table heading."""
        return _label(self)

    def by_shelf(self) -> tuple[int | None, str]:
        """The shelf that it asks about, and its label without the shelf."""
        return _by_shelf(self)


@lru_cache(maxsize=1024)  # a hundred thousand rows ask the same few things
def _by_shelf(call: Call) -> tuple[int | None, str]:
    arguments = call.plain()
    shelf: int | None = arguments.pop("row", None)
    return shelf, Call.of(call.tool, arguments).label()


@lru_cache(maxsize=1024)
def _label(call: Call) -> str:
    arguments = call.plain()
    words = str(arguments.get("target", call.tool))
    if arguments.get("exclude"):
        words += " without " + ", ".join(map(str, arguments["exclude"]))
    if arguments.get("row") is not None:
        words += f", shelf {arguments['row']}"
    for place in arguments.get("where", ()):
        words += f", {place.get('relation', '')} {place.get('reference') or ''}".rstrip()
    return words


class SentencePlanner(Protocol):
    """Turns one sentence into the calls that answer it, whatever the photo."""

    def plan(self, sentence: str) -> tuple[Call, ...]:
        """The calls.

        Raises:
            UserError: the sentence cannot be understood; the text says what is missing.
        """
        ...
