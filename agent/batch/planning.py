"""Sentences to calls with the planner of the chat: it plans for one photo that stands for all of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from agent.batch.call import Call
from agent.blank import blank_count, blank_description
from agent.errors import AgentError
from agent.settings import Settings
from tools.records import ImageInfo, Record
from tools.registry import Progress, Registry

if TYPE_CHECKING:
    from agent.planner import Planners

_ID = "photo"
_IMAGE = ImageInfo(id=_ID, sha256="0" * 64, width=4000, height=3000, name="photo.jpg")


class LazyPlanner:
    """Runs a turn of the chat on tools that only note what they are asked.

    LangChain, which takes a second to load, is loaded with the first sentence: a table of targets needs none.
    """

    def __init__(self, registry: Registry, settings: Settings, tell: Callable[[str], None]) -> None:
        """`settings` choose the planner; `tell` gets its notices, such as a fall back to rules."""
        self._registry = registry
        self._settings = settings
        self._tell = tell

    @cached_property
    def _planners(self) -> "Planners":
        from agent.planner import Planners

        noting = Registry(tuple(replace(tool, run=_note) for tool in self._registry))
        return Planners(noting, self._settings, self._settings.planner)

    def plan(self, sentence: str) -> tuple[Call, ...]:
        """See SentencePlanner."""
        from agent.request import Photo, Request

        photo = Photo.of(_IMAGE.id, _IMAGE.name, _IMAGE.width, _IMAGE.height)
        turn = self._planners.ask(Request(text=sentence, photos=(photo,), current=(photo.id,)))
        for notice in turn.notices:
            self._tell(f"{sentence[:60]!r}: {notice}")
        calls = tuple(dict.fromkeys(_without_photo(call.tool, call.arguments) for call in turn.calls if not call.error))
        if not calls:
            raise AgentError(turn.answer)
        return calls


def _note(arguments: Any, progress: Progress) -> Record:
    """What a planner sees in place of a result; thrown away with the answer, only the calls are kept."""
    if not hasattr(arguments, "target"):
        return blank_description(_IMAGE)
    return blank_count(arguments.target, _IMAGE)


def _without_photo(tool: str, arguments: dict[str, Any]) -> Call:
    """The call for any photo; an example on the same photo needs no name."""
    plain: dict[str, Any] = json.loads(json.dumps(arguments))
    plain.pop("image", None)
    for example in plain.get("like") or ():
        if example.get("image") == _ID:
            del example["image"]
    return Call.of(tool, plain)
