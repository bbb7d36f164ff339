"""The one list of tools: each surface (chat, command line, MCP, HTTP) reads it and none adds to it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from tools.errors import BadArguments, UnknownTool
from tools.records import Frozen, Record


class Arguments(BaseModel):
    """Base of all tool arguments: strict types, unknown names refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


@dataclass(frozen=True)
class Progress:
    """How a running tool reports a stage, and learns that nobody waits for it any more."""

    report: Callable[[str, float], None] = field(default=lambda stage, fraction: None)
    cancelled: Event = field(default_factory=Event)


@dataclass(frozen=True)
class Tool:
    """A name, what it is for, the arguments it takes, and the function that returns its record."""

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Any, Progress], Record]
    record: type[Frozen] | None = None  # what run returns: the published output schema

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the arguments, exactly as it is published."""
        return self.arguments.model_json_schema()

    def parse(self, arguments: Mapping[str, Any]) -> Arguments:
        """Check raw arguments (as decoded from JSON).

        Raises:
            BadArguments: naming each field and what is wrong with it.
        """
        try:
            # JSON has no tuples: strict mode would refuse a list where a tuple is declared.
            return self.arguments.model_validate_json(_as_json(arguments))
        except ValidationError as error:
            raise BadArguments(f"{self.name}: {complaints(error)}") from error

    def call(self, arguments: Mapping[str, Any], progress: Progress | None = None) -> Record:
        """Check the arguments and run the tool."""
        return self.run(self.parse(arguments), progress or Progress())


def _as_json(arguments: Mapping[str, Any]) -> str:
    """JSON text of plain values; what JSON cannot say is a complaint about the arguments."""
    try:
        return json.dumps(dict(arguments), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadArguments(f"arguments must be a JSON object: {error}") from error


def complaints(error: ValidationError) -> str:
    """Each wrong field and the reason, in one line, without echoing what was sent."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'arguments'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    )


class Registry:
    """Tools by name, in the order in which they were added."""

    def __init__(self, tools: tuple[Tool, ...]) -> None:
        self._tools = {tool.name: tool for tool in tools}

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def get(self, name: str) -> Tool:
        """The tool of that name.

        Raises:
            UnknownTool: naming the tools there are.
        """
        try:
            return self._tools[name]
        except KeyError:
            raise UnknownTool(f"no tool {name!r}; there are: {', '.join(self._tools)}") from None
