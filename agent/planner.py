"""Requests to answers: a chat model plans, the guard runs the tools, the answer is written from records."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import ModelCallLimitMiddleware, ToolCallLimitMiddleware
from langchain.agents.middleware.model_call_limit import ModelCallLimitExceededError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.base import BaseCheckpointSaver

import prompts
from agent.answer import render
from agent.errors import DeadlineError, PlannerError
from agent.gate import violations
from agent.guard import Guard
from agent.models import openai_model, trouble
from agent.request import Request
from agent.rules.model import RuleChatModel
from agent.settings import PlannerChoice, Settings
from agent.terminal import plain
from agent.turn import Limits, Turn, TurnState
from tools.errors import Cancelled
from tools.registry import Progress, Registry, Tool

MAX_ANSWER = 4000  # characters of a model's prose
MODEL_SHARE = 0.5  # of a turn's time that a language model is waited for when the rules may take over


def _not_run(**_: Any) -> str:
    raise AssertionError("the guard runs the tools")  # LangChain only needs the schemas


def _offered(tool: Tool) -> StructuredTool:
    return StructuredTool(name=tool.name, description=tool.description, args_schema=tool.schema(), func=_not_run)


class Planner:
    """One chat model with the tools. Without a checkpointer every request stands alone.

    Args:
        trouble: puts an exception of a remote model into one line; None for a model in this process.
    """

    def __init__(
        self,
        registry: Registry,
        model: BaseChatModel,
        *,
        name: str,
        limits: Limits,
        trouble: Callable[[Exception], str] | None = None,
        checkpointer: BaseCheckpointSaver[Any] | None = None,
    ) -> None:
        self.name = name
        self._registry = registry
        self._limits = limits
        self._remote = trouble is not None
        # Any: the limits of LangChain and our guard have state types that its list type cannot hold together.
        middleware: list[Any] = [
            ModelCallLimitMiddleware(run_limit=limits.model_calls, exit_behavior="error"),
            ToolCallLimitMiddleware(run_limit=limits.tool_calls, exit_behavior="continue"),
            Guard(trouble),
        ]
        self._agent = create_agent(
            model,
            [_offered(tool) for tool in registry],
            system_prompt=prompts.read("planner.md"),
            middleware=middleware,
            context_schema=TurnState,
            checkpointer=checkpointer,
        )

    def ask(
        self, request: Request, progress: Progress | None = None, thread: str = "", started: float | None = None
    ) -> Turn:
        """Answer one request.

        Args:
            request: what the user said.
            progress: told the stages of the tools.
            thread: the chat that it belongs to.
            started: when its time began (time.monotonic), if another planner has tried before; now otherwise.

        Raises:
            PlannerError: the language model cannot be used; what it had counted by then is lost.
            DeadlineError: the turn took too long, and nothing was counted by then.
        """
        progress = progress or Progress()
        state = TurnState(request, self._registry, progress, self._limits)
        if started is not None:
            state.started = started
        if state.seconds_left <= 0:
            raise DeadlineError(self._too_late())
        alarm = threading.Timer(state.seconds_left, progress.cancelled.set)
        alarm.daemon = True
        alarm.start()
        try:
            result = self._agent.invoke(
                {"messages": [request.message()]},
                {
                    "configurable": {"thread_id": thread},
                    "recursion_limit": 6 * self._limits.model_calls + 10,
                    # Tools run one after the other, in the order of the calls.
                    "max_concurrency": 1,
                },
                context=state,
            )
        except ModelCallLimitExceededError as error:
            if not state.records:
                raise PlannerError("the language model made no call that could be used") from error
            state.notices.append(f"the planner was stopped after {self._limits.model_calls} calls of its model")
            return state.turn(render(state.calls, state.records), self.name)
        except (Cancelled, DeadlineError) as error:
            if state.seconds_left > 0:
                raise
            if not state.records:
                raise DeadlineError(self._too_late()) from error
            state.notices.append(f"{self._too_late()}; this is what was counted by then")
            return state.turn(render(state.calls, state.records), self.name)
        finally:
            alarm.cancel()
        last = result["messages"][-1]
        said = plain(str(last.text)[:MAX_ANSWER]).strip() if isinstance(last, AIMessage) else ""
        return state.turn(self._answer(said, state), self.name)

    def _too_late(self) -> str:
        return f"no answer within {self._limits.turn_seconds:g} seconds"

    def _answer(self, said: str, state: TurnState) -> str:
        """The model's own words if they hold; else the sentence that the records give."""
        if not self._remote:
            return render(state.calls, state.records) if state.calls else said
        faults = violations(said, state.calls, state.records, state.request)
        if not faults:
            return said
        state.notices.append(f"the language model's words were replaced: {faults[0]}")
        return render(state.calls, state.records)


class Planners:
    """The planner of the user's choice, with the rules behind it when the choice was automatic."""

    def __init__(
        self,
        registry: Registry,
        settings: Settings,
        choice: PlannerChoice,
        checkpointer: BaseCheckpointSaver[Any] | None = None,
    ) -> None:
        limits = Limits.of(settings)
        self._rules = Planner(registry, RuleChatModel(), name="rules", limits=limits, checkpointer=checkpointer)
        self._remote: Planner | None = None
        self._may_fall_back = choice == "auto"
        # What falls back needs time for the rules to count in: one deadline holds for both.
        share = MODEL_SHARE if self._may_fall_back else 1.0
        if choice == "openai" and not settings.has_model:
            raise PlannerError("no language model is set; set OPENAI_API_KEY or SHELF_BASE_URL, or use --planner rules")
        if choice == "openai" or (choice == "auto" and settings.has_model):
            self._remote = Planner(
                registry,
                openai_model(settings),
                name=f"openai:{settings.model}",
                limits=replace(limits, model_seconds=share * limits.turn_seconds),
                trouble=trouble,
                checkpointer=checkpointer,
            )

    def ask(self, request: Request, progress: Progress | None = None, thread: str = "") -> Turn:
        """Answer one request; under `auto` the rules take over when the language model fails.

        Raises:
            PlannerError: the language model failed and was asked for by name.
            DeadlineError: the time was used up, and nothing was counted by then.
        """
        if self._remote is None:
            return self._rules.ask(request, progress, thread)
        started = time.monotonic()
        try:
            return self._remote.ask(request, progress, thread, started)
        except PlannerError as error:
            if not self._may_fall_back:
                raise
            turn = self._rules.ask(request, progress, thread, started)
            notice = f"{error}; the built-in rules planned this instead"
            return turn.model_copy(update={"notices": (notice, *turn.notices)})
