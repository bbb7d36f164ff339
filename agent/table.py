"""Requests with the calls they must lead to (prompts/requests.yaml), and how a planner scores on them."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import yaml
from pydantic import Field, TypeAdapter

import prompts
from agent.blank import blank_count, blank_description, blank_labels
from agent.errors import AgentError
from agent.planner import Planners
from agent.request import Photo, Request
from agent.settings import Settings
from agent.turn import Call
from segmentation.vocabulary import plural, singular
from tools.arguments import CountArguments, PhotoArguments
from tools.records import CountRecord, DescribeRecord, Frozen, ImageInfo, LabelsRecord
from tools.registry import Progress, Registry, Tool

ToolName = Literal["count", "describe", "read_labels"]


class Expected(Frozen):
    """One call: what the tool gets, `photo` is its number."""

    tool: ToolName = "count"
    target: str | None = None
    photo: int = 1
    row: int | None = None
    exclude: tuple[str, ...] = ()
    where: tuple[tuple[str, str | None], ...] = ()
    like: tuple[tuple[int, int, int, int], ...] = ()


class Case(Frozen):
    """One request. No calls at all means that the planner must ask back."""

    say: str
    photos: int = Field(1, ge=0, le=9)
    after: tuple[str, ...] = Field((), description="what was said in the turns before")
    calls: tuple[Expected, ...] = ()


def cases() -> tuple[Case, ...]:
    """The table that ships with the project."""
    return TypeAdapter(tuple[Case, ...]).validate_python(yaml.safe_load(prompts.read("requests.yaml")))


def photos(many: int) -> tuple[Photo, ...]:
    """Stand-ins for the photos of a case: no pixels are needed to plan."""
    return tuple(Photo(id=f"p{i}", name=f"IMG_{i}.jpg", width=1200, height=900) for i in range(1, many + 1))


def planned(calls: Iterable[Call], given: Sequence[Photo]) -> tuple[Expected, ...]:
    """The calls of a turn in the form of the table."""
    numbers = {name: i + 1 for i, photo in enumerate(given) for name in (photo.id, photo.name)}
    return tuple(_expected(call.tool, call.arguments, numbers) for call in calls)


def _expected(tool: str, arguments: dict[str, Any], numbers: dict[str, int]) -> Expected:
    return Expected.model_validate(
        {
            "tool": tool,
            "target": arguments.get("target"),
            "photo": numbers.get(str(arguments.get("image")), 0),
            "row": arguments.get("row"),
            "exclude": arguments.get("exclude") or (),
            "where": [(place["relation"], place.get("reference")) for place in arguments.get("where") or ()],
            "like": [example["box"] for example in arguments.get("like") or ()],
        }
    )


def agree(got: Sequence[Expected], wanted: Sequence[Expected]) -> bool:
    """Whether two plans are one: any order, case, "the" and singular or plural of the last word set aside."""
    return sorted(map(_key, got)) == sorted(map(_key, wanted))


def _key(call: Expected) -> str:
    plain = call.model_copy(
        update={
            "target": _noun(call.target),
            "exclude": tuple(sorted(filter(None, map(_noun, call.exclude)))),
            "where": tuple(sorted((relation, _noun(reference)) for relation, reference in call.where)),
        }
    )
    return plain.model_dump_json()


def _noun(phrase: str | None) -> str | None:
    if phrase is None:
        return None
    words = phrase.lower().removeprefix("the ").split()
    return " ".join([*words[:-1], plural(singular(words[-1]))])


class Result(Frozen):
    """What a planner did with one case."""

    case: Case
    got: tuple[Expected, ...]
    error: str | None = None
    seconds: float = 0.0

    @property
    def right(self) -> bool:
        """Whether it made the calls of the table and no other."""
        return self.error is None and agree(self.got, self.case.calls)


def run_table(table: Iterable[Case], settings: Settings) -> Iterator[Result]:
    """Each case in a chat of its own, against tools that look at nothing."""
    from langgraph.checkpoint.memory import InMemorySaver

    planners = Planners(_blind_registry(), settings, settings.planner, InMemorySaver())
    for number, case in enumerate(table):
        given = photos(case.photos)
        begin = time.perf_counter()
        try:
            for text in (*case.after, case.say):
                begin = time.perf_counter()
                turn = planners.ask(Request(text=text, photos=given), thread=str(number))
        except AgentError as error:
            yield Result(case=case, got=(), error=str(error))
            continue
        yield Result(case=case, got=planned(turn.calls, given), seconds=round(time.perf_counter() - begin, 4))


def _blind_registry() -> Registry:
    """The schemas of the real tools in front of tools that found nothing."""

    def describe(arguments: PhotoArguments, progress: Progress) -> DescribeRecord:
        return blank_description(_info(arguments))

    def read_labels(arguments: PhotoArguments, progress: Progress) -> LabelsRecord:
        return blank_labels(_info(arguments))

    def count(arguments: CountArguments, progress: Progress) -> CountRecord:
        return blank_count(arguments.target, _info(arguments))

    return Registry(
        (
            Tool("count", "Count one kind of thing on one photo.", CountArguments, count),
            Tool("read_labels", "Read the words printed on one photo.", PhotoArguments, read_labels),
            Tool("describe", "Say what is on one photo.", PhotoArguments, describe),
        )
    )


def _info(arguments: CountArguments | PhotoArguments) -> ImageInfo:
    return ImageInfo(id=arguments.image, sha256="0" * 64, width=1200, height=900, name=arguments.image)
