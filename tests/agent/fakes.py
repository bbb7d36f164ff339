"""Stand-ins for tests of the agent: tools that count nothing real, and a model that follows a script."""

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolCall
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

from agent.request import Photo, Request
from agent.workbench import Workbench
from segmentation.errors import PhotoError
from tools.arguments import CountArguments, PhotoArguments
from tools.records import (
    CountRecord,
    DescribeRecord,
    ImageInfo,
    Instance,
    LabelsRecord,
    ModelInfo,
    PromptRecord,
    PromptUsed,
    TargetParts,
    Word,
    Wording,
)
from tools.registry import Progress, Registry, Tool

PHOTOS = (
    Photo(id="p1", name="soda.jpg", width=1200, height=900),
    Photo(id="p2", name="beans.jpg", width=1200, height=900),
)


def image(id: str = "p1") -> ImageInfo:
    names = {photo.id: photo.name for photo in PHOTOS}
    return ImageInfo(id=id, sha256="0" * 64, width=1200, height=900, name=names.get(id, f"{id}.jpg"))


def count_record(target: str = "Sunkist bottles", count: int = 6, **changes: Any) -> CountRecord:
    """A count of that many, one box beside the other."""
    values: dict[str, Any] = {
        "target": target,
        "prompt_used": PromptUsed(original=Wording(text=target), chosen=(Wording(text=target),)),
        "count": count,
        "low": count,
        "high": count,
        "components": count,
        "instances": tuple(
            Instance(id=i + 1, box=(10 * i, 0, 10 * i + 8, 20), score=0.9, evidence=("label",)) for i in range(count)
        ),
        "excluded": (),
        "presence": 0.9 if count else 0.12,
        "saturated": False,
        "warnings": (),
        "image": image(),
        "model": ModelInfo(checkpoint=None, sha256=None, device="cpu", dtype="float32"),
        "seconds": {"total": 0.1},
    }
    return CountRecord(**(values | changes))


def labels_record(*words: str, id: str = "p1") -> LabelsRecord:
    read = tuple(Word(text=word, box=(0, 0, 9, 9), score=0.9) for word in words)
    return LabelsRecord(words=read, warnings=(), image=image(id), seconds={})


def describe_record(summary: str = "2 rows of packs", id: str = "p1") -> DescribeRecord:
    return DescribeRecord(
        summary=summary,
        rows=2,
        colours=("red",),
        words=("HEINZ",),
        repeated=(),
        warnings=(),
        image=image(id),
        seconds={},
    )


def prompt_record(target: str = "red cans", *tried: Wording, id: str = "p1", **changes: Any) -> PromptRecord:
    """A prompt record: the user's words, and whatever else was tried."""
    own = Wording(text=target, score=0.5, count=3, reason="the user's words")
    values: dict[str, Any] = {
        "target": target,
        "parts": TargetParts(
            noun=target, kind=None, colours=(), part=None, contents=(), printed=(), exclude=(), row=None
        ),
        "tried": (*tried, own),
        "prompt_used": PromptUsed(original=own, chosen=(own, *tried)),
        "caption": "",
        "warnings": (),
        "image": image(id),
        "model": ModelInfo(checkpoint=None, sha256=None, device="cpu", dtype="float32"),
        "seconds": {},
    }
    return PromptRecord(**(values | changes))


def fake_registry(
    counts: dict[str, int] | None = None,
    count: Callable[[CountArguments, Progress], CountRecord] | None = None,
    words: Sequence[str] = ("SUNKIST", "ORANGE"),
) -> Registry:
    """The three tools with the real argument models; `counts` by target, 6 for anything else."""

    def run_count(arguments: CountArguments, progress: Progress) -> CountRecord:
        if count is not None:
            return count(arguments, progress)
        number = (counts or {}).get(arguments.target, 6)
        return count_record(arguments.target, number, image=image(arguments.image))

    return Registry(
        (
            Tool("count", "Count one kind of thing on one photo.", CountArguments, run_count),
            Tool("read_labels", "Read words.", PhotoArguments, lambda a, _: labels_record(*words, id=a.image)),
            Tool("describe", "Say what is there.", PhotoArguments, lambda a, _: describe_record(id=a.image)),
        )
    )


class FakeWorkbench(Workbench):
    """Takes any file whose name does not begin with "bad" and draws pictures of one pixel."""

    def __init__(self, registry: Registry | None = None) -> None:
        super().__init__(store=None, registry=registry or fake_registry())  # type: ignore[arg-type]

    def add(self, source: str | Path) -> Photo:
        path = Path(source)
        if path.name.startswith("bad") or not path.exists():
            raise PhotoError(f"{path.name}: no such file")
        known = {photo.name: photo for photo in PHOTOS}
        return known.get(path.name) or Photo(id=f"id-{path.stem}", name=path.name, width=1200, height=900)

    def overlay(self, record: CountRecord, path: Path) -> None:
        path.write_bytes(b"")


def request(text: str, photos: int = 1) -> Request:
    return Request(text=text, photos=PHOTOS[:photos])


def call(tool: str = "count", id: str = "c1", **arguments: Any) -> ToolCall:
    """A planned call; `image` is the first photo unless it is given."""
    return ToolCall(name=tool, args={"image": "p1", **arguments}, id=id, type="tool_call")


class ScriptedChatModel(BaseChatModel):
    """Says what the script says, step by step; fails when it is asked once too often.

    `done()` fails when steps are left over. `seen` holds the messages of each call.
    """

    _steps: deque[AIMessage | Exception] = PrivateAttr()
    _seen: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    def __init__(self, *steps: AIMessage | Exception) -> None:
        super().__init__()
        self._steps = deque(steps)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def seen(self) -> list[list[BaseMessage]]:
        return self._seen

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        return self

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        self._seen.append(messages)
        if not self._steps:
            raise AssertionError("the script has no step for this call")
        step = self._steps.popleft()
        if isinstance(step, Exception):
            raise step
        return ChatResult(generations=[ChatGeneration(message=step)])

    def done(self) -> None:
        assert not self._steps, f"{len(self._steps)} steps were never reached"
