"""Captions by a vision language model over the OpenAI protocol: the photo goes out small, only when asked for."""

import base64
from typing import Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage

import prompts
from agent.errors import PlannerError
from agent.models import openai_model, trouble
from agent.settings import Settings
from agent.terminal import one_line
from segmentation.photo import Photo

LONGEST_SIDE = 1024  # px of what is sent
MAX_BYTES = 700_000  # of the JPEG; base64 makes a third more of it
QUALITIES = (85, 70, 55, 40)


class VisionCaptioner:
    """Asks the language model of the settings. The picture is a data URI in the message: no URL is ever fetched."""

    source: Literal["openai"] = "openai"

    def __init__(self, settings: Settings, model: BaseChatModel | None = None) -> None:
        """Use the model of the settings.

        Raises:
            PlannerError: none is set.
        """
        if model is None and not settings.has_model:
            raise PlannerError("no language model is set; set OPENAI_API_KEY or SHELF_BASE_URL")
        self.model = settings.model
        self._chat = model or openai_model(settings)

    def caption(self, photo: Photo) -> str:
        """One sentence.

        Raises:
            PlannerError: the model cannot be used, or does not take pictures.
        """
        picture = base64.b64encode(shrunk(photo)).decode()
        content: list[str | dict[str, object]] = [
            {"type": "text", "text": "Write the caption."},
            {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{picture}"}},
        ]
        try:
            reply = self._chat.invoke([SystemMessage(prompts.read("caption.md")), HumanMessage(content)])
        except Exception as error:  # the boundary to a remote program: whatever it does is one line here
            raise PlannerError(trouble(error)) from error
        text = one_line(str(reply.text))
        if not text:
            raise PlannerError("the language model wrote no caption; does it take pictures? set SHELF_MODEL")
        return text


def shrunk(photo: Photo) -> bytes:
    """The photo as a JPEG of at most LONGEST_SIDE pixels a side and MAX_BYTES bytes."""
    from io import BytesIO

    from PIL import Image

    picture = Image.fromarray(photo.pixels)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    data = b""
    for quality in QUALITIES:
        buffer = BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        data = buffer.getvalue()
        if len(data) <= MAX_BYTES:
            break
    return data
