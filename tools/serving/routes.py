"""The paths of plain HTTP: state, photos, tools, records, and requests in plain words."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel, ValidationError

from tools.errors import BadArguments
from tools.records import Frozen, ImageInfo
from tools.registry import Tool, complaints
from tools.serving.answers import GUARDED, answered, error_body, errors, failed, json_answer
from tools.serving.bodies import AskBody, json_object, uploaded
from tools.serving.definitions import Definitions, Format, definitions
from tools.serving.disconnect import unless_gone
from tools.serving.failure import failure_of
from tools.serving.results import Result
from tools.serving.service import Report, Service
from tools.store import image_info


class Uploaded(ImageInfo):
    """A photo that was taken in, and what makes counts on it less certain."""

    warnings: tuple[str, ...]


class Health(Frozen):
    """Whether the server lives, or takes work."""

    status: str


def add_state_routes(app: FastAPI, service: Service) -> None:
    """Probes, counters and the definitions of the tools."""

    @app.get("/healthz", tags=["state"], responses=errors(400, 421, 403))
    async def healthz() -> Health:
        """The process answers."""
        return Health(status="ok")

    @app.get("/readyz", tags=["state"], responses=errors(400, 403, 421) | {503: {"model": Health}})
    async def readyz(response: Response) -> Health:
        """New work is taken."""
        if not service.ready:
            response.status_code = 503
        return Health(status="ready" if service.ready else "stopping")

    @app.get("/metrics", tags=["state"], response_class=PlainTextResponse, responses=errors(*GUARDED))
    async def metrics() -> str:
        """Counters for Prometheus."""
        return service.metrics.text()

    @app.get("/v1/tools", tags=["tools"], responses=errors(*GUARDED, 422))
    async def tools(format: Annotated[Format, Query()] = "openai") -> Definitions:
        """The tools as definitions for a language model."""
        return Definitions(tools=definitions(service.registry, format))


def add_image_routes(app: FastAPI, service: Service) -> None:
    """Photos in."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    form = {"type": "object", "required": ["file"], "properties": {"file": binary["schema"]}}
    body = {
        "required": True,
        "content": {"image/*": binary, "multipart/form-data": {"schema": form}},
    }

    @app.post(
        "/v1/images",
        tags=["images"],
        status_code=201,
        response_model=Uploaded,
        responses=errors(*GUARDED, 408, 413, 415, 422, 503, 504),
        openapi_extra={"requestBody": body},
    )
    async def upload(request: Request) -> Response:
        """Hand a photo over: its bytes with an image content type, or the field `file` of a form."""

        async def work() -> Response:
            data, name = await uploaded(request)
            photo = await service.upload(data, name, _client(request))
            info = Uploaded(**image_info(photo).model_dump(), warnings=photo.warnings)
            return json_answer(info, 201, {"Location": f"/v1/images/{photo.id}"})

        return await answered(work())

    @app.get("/v1/images/{id}", tags=["images"], responses=errors(*GUARDED, 404, 422, 503, 504))
    async def image(id: str) -> ImageInfo:
        """What is known of a photo."""
        return image_info(await service.image(id))


def add_tool_route(app: FastAPI, service: Service, tool: Tool) -> None:
    """One tool."""

    async def endpoint(request: Request) -> Response:
        arguments = await json_object(request)

        async def work() -> Response:
            result = await service.call(tool.name, arguments, _client(request))
            return Response(result.json, media_type="application/json", headers=_record_headers(result))

        return await answered(unless_gone(request, work()))

    reference = {"$ref": f"#/components/schemas/{tool.arguments.__name__}"}
    app.add_api_route(
        f"/v1/tools/{tool.name}",
        endpoint,
        methods=["POST"],
        tags=["tools"],
        operation_id=tool.name,
        summary=tool.name,
        description=tool.description,
        response_model=tool.record,
        responses=errors(*GUARDED, 404, 408, 413, 415, 422, 500, 503, 504),
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": reference}}}},
    )


def add_record_routes(app: FastAPI, service: Service) -> None:
    """What was returned before, and its picture."""

    @app.get("/v1/records/{id}", tags=["records"], responses=errors(*GUARDED, 404))
    async def record(id: str) -> dict[str, Any]:
        """A record that a tool returned, as it was returned."""
        return dict(json.loads(service.result(id).json))

    @app.get(
        "/v1/records/{id}/picture",
        tags=["records"],
        response_class=Response,
        responses=errors(*GUARDED, 404, 422, 503, 504)
        | {200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}},
    )
    async def picture(request: Request, id: str) -> Response:
        """The photo of a count with its numbered boxes."""
        return Response(await service.picture(id, _client(request)), media_type="image/jpeg")


def add_ask_route(app: FastAPI, service: Service, answer: type[BaseModel]) -> None:
    """Requests in plain words."""

    async def endpoint(request: Request) -> Response:
        raw = await json_object(request)
        try:
            body = AskBody.model_validate_json(json.dumps(raw))
        except ValidationError as error:
            return failed(failure_of(BadArguments(complaints(error))))
        client = _client(request)
        if "text/event-stream" in request.headers.get("accept", ""):
            return StreamingResponse(
                _events(lambda report: service.ask(body.request, body.images, client, report)),
                media_type="text/event-stream",
            )

        async def work() -> Response:
            return json_answer(await service.ask(body.request, body.images, client))

        return await answered(unless_gone(request, work()))

    app.add_api_route(
        "/v1/ask",
        endpoint,
        methods=["POST"],
        tags=["ask"],
        operation_id="ask",
        summary="ask",
        description="Answers a request in plain words; as `text/event-stream` with progress before it.",
        response_model=answer,
        responses=errors(*GUARDED, 404, 408, 413, 415, 422, 500, 503, 504)
        | {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/AskBody"}}},
            }
        },
    )


async def _events(ask: Callable[[Report], Awaitable[BaseModel]]) -> AsyncIterator[str]:
    """Server-sent events: `progress` while it works, then `answer` or `error`."""
    loop = asyncio.get_running_loop()
    stages: asyncio.Queue[str | None] = asyncio.Queue()

    def report(stage: str, fraction: float) -> None:
        data = json.dumps({"stage": stage, "fraction": fraction})
        loop.call_soon_threadsafe(stages.put_nowait, f"event: progress\ndata: {data}\n\n")

    async def work() -> BaseModel:
        try:
            return await ask(report)
        finally:
            loop.call_soon(stages.put_nowait, None)

    task = asyncio.create_task(work())
    try:
        while (event := await stages.get()) is not None:
            yield event
        yield f"event: answer\ndata: {(await task).model_dump_json()}\n\n"
    except Exception as error:  # the border of the server, as in answered
        yield f"event: error\ndata: {error_body(failure_of(error)).model_dump_json()}\n\n"
    finally:
        task.cancel()


def _record_headers(result: Result) -> dict[str, str]:
    return {"Content-Location": f"/v1/records/{result.id}"}


def _client(request: Request) -> str:
    """Who asks, as far as fairness needs to know: one connection."""
    return f"{request.client.host}:{request.client.port}" if request.client else "local"
