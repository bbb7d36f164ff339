import asyncio
import base64
import io
import json
import logging

import pytest
from mcp import Client, MCPError
from mcp_types import CallToolResult, ImageContent, ResourceLink, TextContent
from PIL import Image

from tools.records import CountRecord
from tools.serving.mcp import PICTURE, build_server
from tools.serving.service import Service

from .conftest import PATIENCE, Toys


def run(coroutine):  # type: ignore[no-untyped-def]
    return asyncio.run(asyncio.wait_for(coroutine, PATIENCE))


def call(service: Service, name: str, arguments: dict, **options) -> CallToolResult:  # type: ignore[no-untyped-def, type-arg]
    async def go() -> CallToolResult:
        async with Client(build_server(service)) as client:
            return await client.call_tool(name, arguments, **options)

    return run(go())


def test_the_published_schemas_are_exactly_those_of_the_registry(service: Service) -> None:
    async def go():  # type: ignore[no-untyped-def]
        async with Client(build_server(service)) as client:
            return await client.list_tools()

    listed = {tool.name: tool for tool in run(go()).tools}
    assert list(listed) == ["count", "describe"]
    for tool in service.registry:
        assert listed[tool.name].input_schema == tool.schema()
        assert listed[tool.name].input_schema["additionalProperties"] is False
        assert listed[tool.name].description == tool.description
    assert listed["count"].output_schema == CountRecord.model_json_schema(mode="serialization")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_call_returns_the_record_a_sentence_and_links(service: Service, mode: str) -> None:
    async def go():  # type: ignore[no-untyped-def]
        async with Client(build_server(service), mode=mode) as client:
            result = await client.call_tool("count", {"image": "shelf.png", "target": "cans"})
            links = [block for block in result.content if isinstance(block, ResourceLink)]
            read = [await client.read_resource(link.uri) for link in links]
            return result, [each.contents[0] for each in read]

    result, (record, picture) = run(go())
    assert not result.is_error
    assert CountRecord.model_validate_json(json.dumps(result.structured_content)).count == 7
    assert result.content[0] == TextContent(text="count: 7")
    assert json.loads(record.text) == result.structured_content
    with Image.open(io.BytesIO(base64.b64decode(picture.blob))) as image:
        assert image.format == "JPEG"


def test_the_picture_comes_with_the_result_when_the_client_asks_for_it(service: Service) -> None:
    arguments = {"image": "shelf.png", "target": "cans"}
    plain = call(service, "count", arguments)
    assert not any(isinstance(block, ImageContent) for block in plain.content)
    (picture,) = [
        block
        for block in call(service, "count", arguments, meta={PICTURE: True}).content
        if isinstance(block, ImageContent)
    ]
    assert len(picture.data) < 1_000_000
    assert base64.b64decode(picture.data).startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("count", {"image": "shelf.png", "target": "nothing"}, "'nothing' names nothing"),
        ("count", {"image": "shelf.png"}, "target: Field required"),
        ("count", {"image": "shelf.png", "target": "x", "colour": "red"}, "colour: Extra inputs"),
        ("count", {"image": "shelf.png", "target": 5}, "target: Input should be a valid string"),
        ("count", {"image": "../../etc/passwd", "target": "x"}, "upload it first"),
        ("count", {"image": "/mnt/data/attachment.png", "target": "x"}, "upload it first"),
        ("mislabel", {}, "there are: count, describe"),
    ],
)
def test_an_error_says_what_to_change(service: Service, name: str, arguments: dict, says: str) -> None:  # type: ignore[type-arg]
    result = call(service, name, arguments)
    assert result.is_error
    assert result.structured_content is None
    assert says in result.content[0].text


def test_a_bug_shows_an_id_that_the_log_explains_and_nothing_else(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        result = call(service, "count", {"image": "shelf.png", "target": "bug"})
    message = result.content[0].text
    assert result.is_error
    assert "secret" not in message
    assert "/srv" not in message
    id = message.split()[2].rstrip(";")
    assert f"bug {id}" in caplog.text
    assert "secret detail" in caplog.text


def test_progress_reaches_the_client(service: Service) -> None:
    stages: list[tuple[float, float | None, str | None]] = []

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        stages.append((progress, total, message))

    async def go() -> None:
        async with Client(build_server(service), mode="legacy") as client:
            await client.call_tool("count", {"image": "shelf.png", "target": "cans"}, progress_callback=heard)

    run(go())
    assert stages == [(0.5, 1.0, "looking")]


def test_a_cancelled_call_stops_the_work_and_frees_the_worker(service: Service, toys: Toys) -> None:
    async def go() -> CallToolResult:
        async with Client(build_server(service), mode="legacy") as client:
            waiting = asyncio.create_task(client.call_tool("count", {"image": "shelf.png", "target": "wait"}))
            await asyncio.to_thread(toys.started.wait, PATIENCE)
            waiting.cancel()
            assert await asyncio.to_thread(toys.cancelled.wait, PATIENCE)
            return await client.call_tool("count", {"image": "shelf.png", "target": "cans"})

    assert not run(go()).is_error


def test_unknown_resources_and_prompts_are_refused_with_a_reason(service: Service) -> None:
    async def go() -> None:
        async with Client(build_server(service)) as client:
            for uri in ("shelf://records/0000", "shelf://records/../x", "file:///etc/passwd"):
                with pytest.raises(MCPError, match="no record of that id"):
                    await client.read_resource(uri)
            with pytest.raises(MCPError, match="count_products"):
                await client.get_prompt("count_products", {"photo": "x"})

    run(go())


def test_prompts_put_the_arguments_into_words_and_instructions_say_how_photos_get_in(
    service: Service,
) -> None:
    async def go():  # type: ignore[no-untyped-def]
        async with Client(build_server(service)) as client:
            names = [prompt.name for prompt in (await client.list_prompts()).prompts]
            prompt = await client.get_prompt("count_products", {"photo": "a.jpg", "product": "{cans}"})
            return names, prompt.messages[0].content.text, client.instructions

    names, text, instructions = run(go())
    assert names == ["count_products", "describe_shelf", "compare_two_photos"]
    assert 'image "a.jpg" and target "{cans}"' in text
    assert "attached to a chat does not reach this server" in instructions
