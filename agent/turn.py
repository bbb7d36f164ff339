"""One turn: what was called, what came back, what was answered; and the limits it runs under."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from agent.request import Request
from agent.settings import Settings
from tools.records import Frozen, Record
from tools.registry import Progress, Registry


class Call(Frozen):
    """One tool call: its arguments as planned, and the position of its record or the error it met."""

    tool: str
    arguments: dict[str, Any]
    record: int | None = None
    error: str | None = None
    seconds: float = 0.0


class Turn(Frozen):
    """A request with its answer and everything the answer rests on."""

    request: str
    answer: str
    calls: tuple[Call, ...]
    records: tuple[Record, ...]
    notices: tuple[str, ...]
    planner: str
    seconds: float = 0.0
    tokens: int = 0


@dataclass(frozen=True)
class Limits:
    """What one turn may use. All of them count over the whole turn: a retry gives nothing back.

    `model_seconds` is the part of `turn_seconds` that a language model may be waited for.
    """

    call_seconds: float = 60.0
    turn_seconds: float = 600.0
    model_seconds: float = 600.0
    model_calls: int = 8
    tool_calls: int = 24
    tokens: int = 60_000
    reasks: int = 2
    same_call: int = 2

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the user has set."""
        return cls(
            call_seconds=settings.call_seconds,
            turn_seconds=settings.turn_seconds,
            model_seconds=settings.turn_seconds,
            model_calls=settings.model_calls,
            tool_calls=settings.tool_calls,
            tokens=settings.tokens,
        )


@dataclass
class TurnState:
    """What has happened so far in a turn. Mutable; lives as long as its turn."""

    request: Request
    registry: Registry
    progress: Progress
    limits: Limits
    calls: list[Call] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    reasks: int = 0
    tokens: int = 0
    waited: float = 0.0  # seconds that the language model took
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds_left(self) -> float:
        """Time until the deadline of the turn."""
        return self.limits.turn_seconds - (time.monotonic() - self.started)

    def turn(self, answer: str, planner: str) -> Turn:
        """The finished turn."""
        return Turn(
            request=self.request.text,
            answer=answer,
            calls=tuple(self.calls),
            records=tuple(self.records),
            notices=tuple(dict.fromkeys(self.notices)),
            planner=planner,
            seconds=round(time.monotonic() - self.started, 3),
            tokens=self.tokens,
        )
