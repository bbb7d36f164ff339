"""What stands between a planner and the tools: limits, policy, and an answer to every call.

Nothing that a model writes and nothing that is printed on a photo can change what happens here:
 - only registered tools run, with arguments that fit their schema, on photos that the user gave;
 - every failed call becomes an error message for the model, so no call is ever left without its answer;
 - the turn ends by its deadline, within its calls and tokens, and a repeated call is answered from memory.
"""

import contextvars
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, cast

from langchain.agents.middleware import AgentMiddleware, AgentState
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.runtime import Runtime
from pydantic import ValidationError

from agent.digest import digest
from agent.errors import DeadlineError, PlannerError
from agent.turn import Call, TurnState
from segmentation.errors import UserError
from tools.errors import Cancelled, ToolError, UnknownImage

T = TypeVar("T")
log = logging.getLogger(__name__)
RECENT_TURNS = 6  # of a chat that a model is shown; older ones stay in the memory
MAX_ECHO = 500  # characters of a bad reply that are shown to the model again
POLL = 0.1  # seconds between two looks at whether the turn was cancelled
BROKEN = "The tool failed inside. Do not call it again with these arguments; say that it failed."


class _BadReply(Exception):
    """A reply of the model that it may mend."""


class Guard(AgentMiddleware[AgentState[Any], TurnState, Any]):
    """Runs every model call and every tool call of a turn; its state is the turn's own (TurnState).

    Args:
        trouble: what to tell the user about an exception of a remote model; None for a model in this
            process, whose exceptions are bugs and keep their tracebacks.
    """

    def __init__(self, trouble: Callable[[Exception], str] | None) -> None:
        super().__init__()
        self._trouble = trouble

    def before_agent(self, state: AgentState[Any], runtime: Runtime[TurnState]) -> dict[str, Any] | None:
        """Answer the calls that a turn before this one left open; servers refuse a thread that has any."""
        messages = state["messages"]
        answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
        if all(call["id"] in answered for call in _calls(messages)):
            return None
        patched: list[AnyMessage] = []
        for message in messages:
            patched.append(message)
            if isinstance(message, AIMessage):
                patched.extend(
                    ToolMessage("stopped before it ended", tool_call_id=call["id"] or "", status="error")
                    for call in message.tool_calls
                    if call["id"] not in answered
                )
        return {"messages": [RemoveMessage(id=REMOVE_ALL_MESSAGES), *patched]}

    def wrap_model_call(
        self,
        request: ModelRequest[TurnState],
        handler: Callable[[ModelRequest[TurnState]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        """One reply of the model, in time; a bad reply is asked for again, twice in a turn at most."""
        turn = request.runtime.context
        request = request.override(messages=_recent(request.messages))
        while True:
            try:
                response = self._reply(request, handler, turn)
            except _BadReply as error:
                fault: str | None = str(error)
            else:
                fault = _fault(response.result[-1], turn)
                if fault is None:
                    return response
            if turn.reasks >= turn.limits.reasks:
                raise PlannerError(f"the language model keeps sending replies that cannot be used: {fault}")
            turn.reasks += 1
            request = request.override(
                messages=[*request.messages, HumanMessage(f"Your last reply could not be used: {fault}")]
            )

    def _reply(
        self,
        request: ModelRequest[TurnState],
        handler: Callable[[ModelRequest[TurnState]], ModelResponse[Any]],
        turn: TurnState,
    ) -> ModelResponse[Any]:
        if self._trouble is None:
            return handler(request)
        if turn.tokens > turn.limits.tokens:
            raise PlannerError(f"the language model used up its {turn.limits.tokens} tokens for one request")
        if turn.seconds_left <= 0:
            raise DeadlineError(f"no answer within {turn.limits.turn_seconds:g} seconds")
        wait = min(turn.limits.call_seconds, turn.limits.model_seconds - turn.waited, turn.seconds_left)
        if wait <= 0:
            raise PlannerError(f"the language model took more than its {turn.limits.model_seconds:g} seconds")
        begin = time.monotonic()
        try:
            return _in_time(lambda: handler(request), wait, turn.progress.cancelled)
        except Cancelled:
            raise
        except TimeoutError:
            raise PlannerError(f"the language model did not answer within {wait:.3g} seconds") from None
        except ValidationError as error:  # arguments that are JSON but no object stop the client itself
            raise _BadReply(f"the arguments of a call are not a JSON object: {str(error)[:MAX_ECHO]}") from error
        except Exception as error:  # the boundary to a remote program: whatever it does is one line here
            log.debug("language model", exc_info=True)
            raise PlannerError(self._trouble(error)) from error
        finally:
            turn.waited += time.monotonic() - begin

    def wrap_tool_call(self, request: ToolCallRequest, handler: Callable[..., Any]) -> ToolMessage:
        """Run one call by our own registry, strictly checked; LangChain's lax execution is not used."""
        call, turn = request.tool_call, cast("TurnState", request.runtime.context)
        name, arguments = _said_once(call["name"], turn), dict(call["args"])
        content, record, failed = self._call(name, arguments, turn)
        return ToolMessage(
            content,
            tool_call_id=call["id"] or "",
            name=name,
            artifact=record,
            status="error" if failed else "success",
        )

    def _call(self, name: str, arguments: dict[str, Any], turn: TurnState) -> tuple[str, int | None, bool]:
        """Text for the model, position of the record, whether it failed."""
        key = json.dumps([name, arguments], sort_keys=True, default=str)
        turn.seen[key] += 1
        if turn.seen[key] > turn.limits.same_call:
            return "You have made this very call before. Use its result and answer now.", None, True
        for earlier in turn.calls:
            if (earlier.tool, earlier.arguments) == (name, arguments) and earlier.record is not None:
                return digest(turn.records[earlier.record]), earlier.record, False
        if turn.seconds_left <= 0:
            raise DeadlineError(f"no answer within {turn.limits.turn_seconds:g} seconds")
        begin = time.monotonic()
        try:
            tool = turn.registry.get(name)
            _check_photos(arguments, turn)
            record = tool.call(arguments, turn.progress)
        except Cancelled:
            raise
        except (ToolError, UserError) as error:
            text = str(error)
        except Exception:  # the boundary to the tools: a bug is logged, and the model is told that it failed
            log.exception("tool %s failed", name)
            text = BROKEN
        else:
            turn.records.append(record)
            position = len(turn.records) - 1
            seconds = time.monotonic() - begin
            turn.calls.append(Call(tool=name, arguments=arguments, record=position, seconds=round(seconds, 3)))
            return digest(record), position, False
        turn.calls.append(Call(tool=name[:80], arguments=arguments, error=text))
        return text, None, True


def _calls(messages: list[AnyMessage]) -> Iterator[Mapping[str, Any]]:
    for message in messages:
        if isinstance(message, AIMessage):
            yield from message.tool_calls


def _said_once(name: str, turn: TurnState) -> str:
    """The name of a known tool that came several times over: some servers send it with every piece of a stream."""
    known = (tool.name for tool in turn.registry)
    return next((tool for tool in known if name and name == tool * (len(name) // len(tool))), name)


def _recent(messages: list[AnyMessage]) -> list[AnyMessage]:
    """The last turns, whole: a long chat must not use up the tokens of a short question."""
    starts = [i for i, message in enumerate(messages) if isinstance(message, HumanMessage)]
    return messages[starts[-RECENT_TURNS] :] if len(starts) > RECENT_TURNS else messages


def _fault(message: BaseMessage, turn: TurnState) -> str | None:
    """Why a reply cannot be used, after its tokens were counted; valid calls beside an invalid one still run."""
    if not isinstance(message, AIMessage):  # a server that answers in the role of the user
        return "it was no reply of an assistant"
    turn.tokens += message.usage_metadata["total_tokens"] if message.usage_metadata else 0
    meta = message.response_metadata
    if meta.get("finish_reason") == "length" or (
        meta.get("model_provider") == "openai" and not meta.get("finish_reason")
    ):
        # The client completes JSON that was cut in the middle of a word: the call would count something else.
        return "it was cut off before its end"
    if message.tool_calls:
        return None
    if message.invalid_tool_calls:
        bad = message.invalid_tool_calls[0]
        return f"the arguments of {bad['name']!r} are not a JSON object: {str(bad['args'])[:MAX_ECHO]}"
    return None if str(message.text).strip() else "it was empty"


def _check_photos(value: object, turn: TurnState) -> None:
    """Refuse a photo that the user did not give, wherever in the arguments it is named."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "image" and isinstance(item, str) and not turn.request.knows(item):
                given = ", ".join(photo.id for photo in turn.request.photos) or "none"
                raise UnknownImage(f"only photos that the user gave can be looked at; they are: {given}")
            _check_photos(item, turn)
    elif isinstance(value, list):
        for item in value:
            _check_photos(item, turn)


def _in_time(work: Callable[[], T], seconds: float, cancelled: threading.Event) -> T:
    """The result of work, or TimeoutError, or Cancelled as soon as the user or the deadline says so.

    HTTP clients limit the time between two bytes, not the whole; a server that drips would hold us for
    hours. The thread that is left behind is a daemon and ends with its connection.
    """
    result: list[T] = []
    failure: list[BaseException] = []
    context = contextvars.copy_context()

    def run() -> None:
        try:
            result.append(context.run(work))
        except BaseException as error:  # handed to the waiting thread, whatever it is
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True, name="language model")
    end = time.monotonic() + seconds
    thread.start()
    while thread.is_alive() and (left := end - time.monotonic()) > 0:
        thread.join(min(left, POLL))
        if cancelled.is_set() and thread.is_alive():
            raise Cancelled("stopped while the language model was waited for")
    if failure:
        raise failure[0]
    if not result:
        raise TimeoutError
    return result[0]
