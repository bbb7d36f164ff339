"""The registry as a Model Context Protocol server: SDK 2.x, low-level, so that the schemas are ours.

A count returns its record as structured content, one sentence of text, and links to the record and its
picture. A client that wants the picture in the result says so with `_meta: {"shelf-agent/picture": true}`.
"""

import asyncio
import base64
import json
import sys
from contextlib import redirect_stdout
from functools import cache
from importlib.metadata import version
from typing import Any

import yaml
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    GetPromptRequestParams,
    GetPromptResult,
    ImageContent,
    ListPromptsResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    ReadResourceRequestParams,
    ReadResourceResult,
    ResourceLink,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
    Tool,
    ToolAnnotations,
)

import prompts
from tools.records import CountRecord
from tools.serving.definitions import record_schema
from tools.serving.failure import failure_of
from tools.serving.results import Result
from tools.serving.service import Report, Service

PICTURE = "shelf-agent/picture"
RECORD_URI = "shelf://records/{id}"
PICTURE_URI = "shelf://records/{id}/picture.jpg"

Context = ServerRequestContext[Any, Any]


@cache
def _words() -> dict[str, Any]:
    return dict(yaml.safe_load(prompts.read("serving.yaml")))


def build_server(service: Service) -> Server[Any]:
    """A server for any transport; it holds no state of its own."""

    async def list_tools(context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(
            tools=[
                Tool(
                    name=tool.name,
                    description=tool.description,
                    input_schema=tool.schema(),
                    output_schema=record_schema(tool),
                    annotations=ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
                )
                for tool in service.registry
            ]
        )

    async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
        arguments = params.arguments or {}
        try:
            result = await service.call(params.name, arguments, _client(context), _reporter(context))
            content: list[ContentBlock] = [
                TextContent(text=service.summary(params.name, arguments, result.record)),
                *_links(result),
            ]
            if isinstance(result.record, CountRecord) and (context.meta or {}).get(PICTURE) is True:
                picture = await service.picture(result.id, _client(context))
                content.append(ImageContent(data=base64.b64encode(picture).decode(), mime_type="image/jpeg"))
        except Exception as error:  # the border of the protocol: a bug becomes an id, and the server lives on
            return CallToolResult(content=[TextContent(text=failure_of(error).message)], is_error=True)
        return CallToolResult(content=content, structured_content=json.loads(result.json))

    async def list_templates(context: Context, params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(
            resource_templates=[
                ResourceTemplate(name="record", uri_template=RECORD_URI, mime_type="application/json"),
                ResourceTemplate(name="picture", uri_template=PICTURE_URI, mime_type="image/jpeg"),
            ]
        )

    async def read_resource(context: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        id, _, rest = params.uri.removeprefix("shelf://records/").partition("/")
        try:
            if rest == "picture.jpg":
                picture = base64.b64encode(await service.picture(id, _client(context))).decode()
                blob = BlobResourceContents(uri=params.uri, mime_type="image/jpeg", blob=picture)
                return ReadResourceResult(contents=[blob])
            text = TextResourceContents(
                uri=params.uri, mime_type="application/json", text=service.result(id if not rest else "").json
            )
            return ReadResourceResult(contents=[text])
        except Exception as error:  # as above
            raise MCPError(INVALID_PARAMS, failure_of(error).message) from None

    async def list_prompts(context: Context, params: PaginatedRequestParams | None) -> ListPromptsResult:
        return ListPromptsResult(
            prompts=[
                Prompt(
                    name=name,
                    description=prompt["description"],
                    arguments=[
                        PromptArgument(name=argument, description=text, required=True)
                        for argument, text in prompt["arguments"].items()
                    ],
                )
                for name, prompt in _words()["prompts"].items()
            ]
        )

    async def get_prompt(context: Context, params: GetPromptRequestParams) -> GetPromptResult:
        prompt = _words()["prompts"].get(params.name)
        given = params.arguments or {}
        if prompt is None or set(given) != set(prompt["arguments"]):
            known = {name: list(each["arguments"]) for name, each in _words()["prompts"].items()}
            raise MCPError(INVALID_PARAMS, f"prompts and their arguments: {known}")
        text = TextContent(text=prompt["text"].format(**given))
        return GetPromptResult(description=prompt["description"], messages=[PromptMessage(role="user", content=text)])

    return Server(
        "shelf-agent",
        version=version("shelf-agent"),
        title="Shelf Agent",
        instructions=_words()["instructions"],
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )


async def serve_stdio(service: Service, grace: float) -> None:
    """Serve one client over standard input and output until it hangs up."""
    from mcp.server.stdio import stdio_server

    server = build_server(service)
    try:
        # The SDK keeps standard output for the protocol; a print would wait in its buffer and come out later.
        async with stdio_server() as (reader, writer):
            with redirect_stdout(sys.stderr):
                await server.run(reader, writer, server.create_initialization_options())
    finally:
        await service.stop(grace)


def _client(context: Context) -> str:
    """Who asks, as far as fairness needs to know: the connection over HTTP, one client over stdio."""
    peer = getattr(context.request, "client", None)
    return f"{peer.host}:{peer.port}" if peer else "stdio"


def _reporter(context: Context) -> Report:
    """Carries progress from the worker's thread to the client, if the client asked for it."""
    loop = asyncio.get_running_loop()
    sent: set[asyncio.Task[None]] = set()  # a task that nobody holds may vanish

    async def send(stage: str, fraction: float) -> None:
        await context.session.report_progress(fraction, 1.0, stage)

    def start(stage: str, fraction: float) -> None:
        task = loop.create_task(send(stage, fraction))
        sent.add(task)
        task.add_done_callback(sent.discard)

    def report(stage: str, fraction: float) -> None:
        loop.call_soon_threadsafe(start, stage, fraction)

    return report


def _links(result: Result) -> list[ContentBlock]:
    links: list[ContentBlock] = [
        ResourceLink(name="record", uri=RECORD_URI.format(id=result.id), mime_type="application/json")
    ]
    if isinstance(result.record, CountRecord):
        links.append(ResourceLink(name="picture", uri=PICTURE_URI.format(id=result.id), mime_type="image/jpeg"))
    return links
