"""Wordings proposed by a language model from examples (prompts/optimizer.md); optional, never trusted.

Whatever it says, the tools drop what is not faithful to the request, and the photo chooses.
"""

import json
import logging
from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from pydantic import BaseModel, Field, ValidationError

import prompts
from agent.terminal import one_line
from tools.optimizer import Proposal, WordingRequest

log = logging.getLogger(__name__)
MAX_WORDS = 40
MAX_CAPTION = 600
MAX_PART = 200


class _Wording(BaseModel):
    text: str = Field(min_length=1, max_length=80)
    reason: str = Field("", max_length=200)


class _Reply(BaseModel):
    wordings: list[_Wording] = Field(max_length=12)


class ModelProposer:
    """Asks a chat model once per target; one that fails proposes nothing and the count goes on."""

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model

    def propose(self, request: WordingRequest) -> Sequence[Proposal]:
        """The model's wordings in its order."""
        data = {
            "target": request.target.text,
            "caption": one_line(request.caption)[:MAX_CAPTION],
            "words": [one_line(word)[:40] for word in request.words[:MAX_WORDS]],
            "parts": [one_line(part)[:MAX_PART] for part in request.chunks],
        }
        messages = [
            SystemMessage(prompts.read("optimizer.md")),
            HumanMessage(json.dumps(data, ensure_ascii=False)),
        ]
        try:
            text = str(self._model.invoke(messages).text)
        except Exception as error:  # the boundary to a remote program; wordings are a bonus
            log.warning("no wordings from the language model: %s", type(error).__name__)
            return ()
        try:
            reply = _Reply.model_validate_json(text[text.index("{") : text.rindex("}") + 1])
        except (ValueError, ValidationError):
            log.warning("the language model's wordings are not the JSON that was asked for")
            return ()
        return tuple(
            Proposal(one_line(item.text), f"language model: {one_line(item.reason)}") for item in reply.wordings
        )
