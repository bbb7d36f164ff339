import base64
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage
from PIL import Image
from pytest_httpserver import HTTPServer
from werkzeug import Response

from agent.errors import PlannerError
from agent.settings import Settings
from agent.vision import LONGEST_SIDE, MAX_BYTES, VisionCaptioner, shrunk
from segmentation.photo import Photo
from tests.agent.fakes import ScriptedChatModel
from tests.agent.openai_server import Script, text


def photo(width: int = 3000, height: int = 2000) -> Photo:
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Photo(noise, "0" * 64, "a.jpg")


def settings(url: str) -> Settings:
    values: dict[str, Any] = {"base_url": url, "api_key": "k", "call_seconds": 5.0}
    return Settings(**values)


def test_the_photo_goes_out_small_as_data_and_never_as_an_address(httpserver: HTTPServer) -> None:
    script = Script(httpserver, text("Rows of red cans."))
    assert VisionCaptioner(settings(script.url)).caption(photo()) == "Rows of red cans."
    url = script.bodies[0]["messages"][-1]["content"][1]["image_url"]["url"]
    assert url.startswith("data:image/jpeg;base64,")
    data = base64.b64decode(url.partition(",")[2])
    assert len(data) <= MAX_BYTES
    assert max(Image.open(BytesIO(data)).size) == LONGEST_SIDE


def test_a_small_photo_is_not_blown_up() -> None:
    assert Image.open(BytesIO(shrunk(photo(30, 20)))).size == (30, 20)


@pytest.mark.parametrize("response", [Response("no", 500), Response("<html>", 200), Response("{}", 400)])
def test_a_model_that_fails_is_one_line(httpserver: HTTPServer, response: Response) -> None:
    script = Script(httpserver, response, repeat=True)
    with pytest.raises(PlannerError, match="language model"):
        VisionCaptioner(settings(script.url)).caption(photo(30, 20))


def test_control_characters_of_a_caption_are_dropped_and_silence_is_told() -> None:
    chat = ScriptedChatModel(AIMessage("red\x1b[31m cans\n"), AIMessage(" "))
    captioner = VisionCaptioner(settings("http://x"), chat)
    assert captioner.caption(photo(30, 20)) == "red cans"
    with pytest.raises(PlannerError, match="take pictures"):
        captioner.caption(photo(30, 20))


def test_without_a_model_it_says_what_to_set() -> None:
    with pytest.raises(PlannerError, match="OPENAI_API_KEY"):
        VisionCaptioner(Settings(api_key=None, base_url=None))
