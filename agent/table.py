"""The table of requests with the calls they must lead to (prompts/requests.yaml), and how a planner scores on it."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import yaml
from pydantic import Field, TypeAdapter

import prompts
from agent.request import Photo
from agent.turn import Call
from segmentation.vocabulary import plural, singular
from tools.records import Frozen

Tool = Literal["count", "describe", "read_labels"]


class Expected(Frozen):
    """One call: what the tool gets, `photo` is its number."""

    tool: Tool = "count"
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
