"""The grammar as a chat model: LangChain drives it exactly as it drives a language model."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from agent.request import Photo, read
from agent.rules.grammar import Aim, AskBack, Before, Intent, parse
from tools.arguments import CountArguments

DONE = "Done."  # the answer itself is rendered from the records


class RuleChatModel(BaseChatModel):
    """Calls the same tools as a language model would, for the usual sentences; asks back for the others."""

    @property
    def _llm_type(self) -> str:
        return "shelf-rules"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Remember which tools there are; a call to any other is never planned."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        offered = {tool["function"]["name"] for tool in kwargs.get("tools", ())}
        return ChatResult(generations=[ChatGeneration(message=_reply(messages, offered))])


def _reply(messages: Sequence[BaseMessage], offered: set[str]) -> AIMessage:
    """Tool calls for the last request; a closing word once they have run."""
    last = max((i for i, message in enumerate(messages) if isinstance(message, HumanMessage)), default=None)
    if last is None:
        return AIMessage("What should I count?")
    if any(isinstance(message, ToolMessage) for message in messages[last + 1 :]):
        return AIMessage(DONE)
    request = read(messages[last])
    plan = parse(request, _before(messages[:last], request.photos))
    if isinstance(plan, AskBack):
        return AIMessage(plan.question)
    missing = {intent.tool for intent in plan} - offered
    if missing:
        return AIMessage(f"I have no tool for that here ({', '.join(sorted(missing))}).")
    calls = [_call(intent, request.photos, f"call_{last}_{number}") for number, intent in enumerate(plan)]
    return AIMessage("", tool_calls=calls)


def _call(intent: Intent, photos: Sequence[Photo], call_id: str) -> ToolCall:
    arguments: dict[str, Any] = {"image": photos[intent.photos[0]].id}
    if intent.aim is not None:
        aim = intent.aim
        arguments |= {"target": aim.target}
        # Only what the sentence said: defaults belong to the tool.
        arguments |= {"exclude": list(aim.exclude)} if aim.exclude else {}
        arguments |= {"row": aim.row} if aim.row is not None else {}
        arguments |= {"where": [place.model_dump() for place in aim.where]} if aim.where else {}
        arguments |= {"like": [example.model_dump() for example in aim.like]} if aim.like else {}
    return ToolCall(name=intent.tool, args=arguments, id=call_id, type="tool_call")


def _before(messages: Sequence[BaseMessage], photos: Sequence[Photo]) -> Before:
    """The counts of the last turn that had any, read back from its tool calls."""
    ids = [photo.id for photo in photos]
    for message in reversed(messages):
        if isinstance(message, AIMessage) and message.tool_calls:
            counts = [call["args"] for call in message.tool_calls if call["name"] == "count"]
            aims = tuple(dict.fromkeys(aim for aim in map(_aim, counts) if aim))
            used = tuple(dict.fromkeys(ids.index(args["image"]) for args in counts if args.get("image") in ids))
            if aims:
                return Before(aims, used)
    return Before()


def _aim(arguments: dict[str, Any]) -> Aim | None:
    """What a call counted; None for a call of a language model that did not fit the schema."""
    try:
        known = CountArguments.model_validate_json(json.dumps(arguments))
    except ValueError:
        return None
    return Aim(known.target, known.exclude, known.row, known.where, known.like)
