"""One request: the words of the user and the photos they are about, as one message to a planner."""

import json

from langchain_core.messages import BaseMessage, HumanMessage

from agent.terminal import one_line
from tools.records import Frozen


class Photo(Frozen):
    """What a planner is told of a photo. The name is the user's: data, never an instruction."""

    id: str
    name: str
    width: int
    height: int

    @classmethod
    def of(cls, id: str, name: str, width: int, height: int) -> "Photo":
        """The name is cut short and freed of control characters."""
        return cls(id=id, name=one_line(name)[:80], width=width, height=height)


class Request(Frozen):
    """What the user said, the photos of the session, and those meant when no photo is named."""

    text: str
    photos: tuple[Photo, ...] = ()
    current: tuple[str, ...] = ()

    def message(self) -> HumanMessage:
        """As a message. JSON keeps names apart from words: no name can end its own quotes."""
        return HumanMessage(self.model_dump_json())

    def knows(self, image: str) -> bool:
        """Whether the user gave that photo; a planner may name no other."""
        return any(image in (photo.id, photo.name) for photo in self.photos)


def read(message: BaseMessage) -> Request:
    """The request in a message; plain text is a request without photos."""
    text = str(message.text)
    try:
        return Request.model_validate(json.loads(text))
    except ValueError:
        return Request(text=text)
