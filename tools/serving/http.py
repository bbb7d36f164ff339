"""The registry over plain HTTP, with MCP beside it at /mcp: one application for any ASGI server.

Bodies are checked by the tools' own strict models and not by FastAPI, which would validate decoded JSON and
refuse the lists that stand for tuples; the OpenAPI document shows the same models.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from segmentation.errors import ShelfError
from segmentation.photo import file_name
from tools.errors import BadArguments
from tools.records import Frozen, ImageInfo
from tools.registry import Tool, complaints
from tools.serving.definitions import Definitions, Format, definitions
from tools.serving.failure import Failure, Kind, failure_of
from tools.serving.guard import Guard, Policy
from tools.serving.mcp import build_server
from tools.serving.results import Result
from tools.serving.service import Report, Service
from tools.store import image_info

T = TypeVar("T")
GRACE = 20.0  # seconds that running work gets when the server stops


class ErrorDetail(Frozen):
    """What went wrong, whose turn it is, and for a bug the id that the log knows."""

    kind: Kind
    message: str
    id: str | None = None


class ErrorBody(Frozen):
    """The body of every answer that is no success."""

    error: ErrorDetail


class Uploaded(ImageInfo):
    """A photo that was taken in, and what makes counts on it less certain."""

    warnings: tuple[str, ...]


class Health(Frozen):
    """Whether the server lives, or takes work."""

    status: str


class AskBody(BaseModel):
    """A request in plain words."""

    model_config = ConfigDict(strict=True, extra="forbid")

    request: Annotated[str, Field(min_length=1, max_length=2000)]
    images: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1, max_length=8)]


def build_app(service: Service, policy: Policy | None = None, grace: float = GRACE) -> FastAPI:
    """A new application; its MCP session manager can be entered once, so each run needs its own."""
    policy = policy or Policy()
    server = build_server(service)
    mcp_app = server.streamable_http_app(
        stateless_http=True,
        json_response=True,
        max_request_body_size=policy.json_bytes,
        # The guard has checked Host and Origin for all paths; a second list could only differ.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with server.session_manager.run():
            yield
            await service.stop(grace)

    app = FastAPI(
        title="Shelf Agent",
        description="Counts things on photos of retail shelves.",
        version=version("shelf-agent"),
        lifespan=lifespan,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    app.add_middleware(Guard, policy=policy)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ShelfError, _shelf_error)
    _add_state_routes(app, service)
    _add_image_routes(app, service)
    for tool in service.registry:
        _add_tool_route(app, service, tool)
    _add_record_routes(app, service)
    if service.asker is not None:
        _add_ask_route(app, service, service.asker.answer)
    _publish_schemas(app, service, secured=bool(policy.tokens))
    for route in mcp_app.routes:  # /mcp; a mount at / would turn every 405 into a 404
        assert isinstance(route, Route)
        route.app = _ending_with_its_client(route.app)
        app.router.routes.append(route)
    return app


def _add_state_routes(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", tags=["state"], responses=_errors(400, 421, 403))
    async def healthz() -> Health:
        """The process answers."""
        return Health(status="ok")

    @app.get("/readyz", tags=["state"], responses=_errors(400, 403, 421) | {503: {"model": Health}})
    async def readyz(response: Response) -> Health:
        """New work is taken."""
        if not service.ready:
            response.status_code = 503
        return Health(status="ready" if service.ready else "stopping")

    @app.get("/metrics", tags=["state"], response_class=PlainTextResponse, responses=_errors(*GUARDED))
    async def metrics() -> str:
        """Counters for Prometheus."""
        return service.metrics.text()

    @app.get("/v1/tools", tags=["tools"], responses=_errors(*GUARDED, 422))
    async def tools(format: Annotated[Format, Query()] = "openai") -> Definitions:
        """The tools as definitions for a language model."""
        return Definitions(tools=definitions(service.registry, format))


def _add_image_routes(app: FastAPI, service: Service) -> None:
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
        responses=_errors(*GUARDED, 408, 413, 415, 422, 503, 504),
        openapi_extra={"requestBody": body},
    )
    async def upload(request: Request) -> Response:
        """Hand a photo over: its bytes with an image content type, or the field `file` of a form."""

        async def work() -> Response:
            data, name = await _uploaded(request)
            photo = await service.upload(data, name, _client(request))
            info = Uploaded(**image_info(photo).model_dump(), warnings=photo.warnings)
            return _json(info, 201, {"Location": f"/v1/images/{photo.id}"})

        return await _answered(work())

    @app.get("/v1/images/{id}", tags=["images"], responses=_errors(*GUARDED, 404, 422, 503, 504))
    async def image(id: str) -> ImageInfo:
        """What is known of a photo."""
        return image_info(await service.image(id))


def _add_tool_route(app: FastAPI, service: Service, tool: Tool) -> None:
    async def endpoint(request: Request) -> Response:
        arguments = await _json_object(request)

        async def work() -> Response:
            result = await service.call(tool.name, arguments, _client(request))
            return Response(result.json, media_type="application/json", headers=_record_headers(result))

        return await _answered(_unless_gone(request, work()))

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
        responses=_errors(*GUARDED, 404, 408, 413, 415, 422, 500, 503, 504),
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": reference}}}},
    )


def _add_record_routes(app: FastAPI, service: Service) -> None:
    @app.get("/v1/records/{id}", tags=["records"], responses=_errors(*GUARDED, 404))
    async def record(id: str) -> dict[str, Any]:
        """A record that a tool returned, as it was returned."""
        return dict(json.loads(service.result(id).json))

    @app.get(
        "/v1/records/{id}/picture",
        tags=["records"],
        response_class=Response,
        responses=_errors(*GUARDED, 404, 422, 503, 504)
        | {200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}},
    )
    async def picture(request: Request, id: str) -> Response:
        """The photo of a count with its numbered boxes."""
        return Response(await service.picture(id, _client(request)), media_type="image/jpeg")


def _add_ask_route(app: FastAPI, service: Service, answer: type[BaseModel]) -> None:
    async def endpoint(request: Request) -> Response:
        raw = await _json_object(request)
        try:
            body = AskBody.model_validate_json(json.dumps(raw))
        except ValidationError as error:
            return _failed(failure_of(BadArguments(complaints(error))))
        client = _client(request)
        if "text/event-stream" in request.headers.get("accept", ""):
            return StreamingResponse(
                _events(lambda report: service.ask(body.request, body.images, client, report)),
                media_type="text/event-stream",
            )

        async def work() -> Response:
            return _json(await service.ask(body.request, body.images, client))

        return await _answered(_unless_gone(request, work()))

    app.add_api_route(
        "/v1/ask",
        endpoint,
        methods=["POST"],
        tags=["ask"],
        operation_id="ask",
        summary="ask",
        description="Answers a request in plain words; as `text/event-stream` with progress before it.",
        response_model=answer,
        responses=_errors(*GUARDED, 404, 408, 413, 415, 422, 500, 503, 504)
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
    except Exception as error:  # the border of the server, as in _answered
        yield f"event: error\ndata: {_body(failure_of(error)).model_dump_json()}\n\n"
    finally:
        task.cancel()


async def _uploaded(request: Request) -> tuple[bytes, str]:
    """The bytes and the name of an upload.

    Raises:
        HTTPException: it is neither an image nor a form with one file.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        try:
            async with request.form(max_files=1, max_fields=4, max_part_size=2**16) as form:
                file = form.get("file")
                if file is None or isinstance(file, str):
                    raise HTTPException(422, "the form needs one field `file` that is a file")
                return await file.read(), file_name(file.filename or "upload")
        except HTTPException as error:
            # Starlette calls a damaged form 400; the other reasons keep their own status.
            raise HTTPException(error.status_code, error.detail) from None
    if kind.startswith("image/"):
        return await request.body(), "upload"
    raise HTTPException(415, "send an image content type, or multipart/form-data with the field `file`")


async def _json_object(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":  # what a form on a web page can send is never taken for a call
        raise HTTPException(415, "send Content-Type: application/json")
    try:
        value = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is no JSON") from None
    if not isinstance(value, dict):
        raise HTTPException(422, "the body must be a JSON object")
    return value


async def _unless_gone(request: Request, work: Awaitable[T]) -> T:
    """The result of the work, which is cancelled when the client hangs up."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HTTPException(499, "the client has gone")
        return await working
    finally:
        working.cancel()
        leaving.cancel()


def _ending_with_its_client(app: ASGIApp) -> ASGIApp:
    """The application, cancelled when the client hangs up: the SDK would work on (seen in mcp 2.3)."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            messages = [{"type": "http.request", "body": await request.body(), "more_body": False}]
        except ClientDisconnect:
            return

        async def replayed() -> Message:
            return messages.pop() if messages else await receive()

        await _unless_gone(request, app(scope, replayed, send))

    return wrapped


async def _answered(work: Awaitable[Response]) -> Response:
    """What the work returns, or its failure as a response."""
    try:
        return await work
    except HTTPException:
        raise
    except Exception as error:  # the border of the server: a bug becomes an id, and the server lives on
        return _failed(failure_of(error))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind: Kind = "user"
    return _failed(Failure(kind, str(error.detail), error.status_code), dict(error.headers or {}))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors())
    return _failed(Failure("user", wrong, 422))


async def _shelf_error(request: Request, error: Exception) -> Response:
    return _failed(failure_of(error))


def _failed(failure: Failure, headers: dict[str, str] | None = None) -> Response:
    retry = {"Retry-After": str(failure.retry_after)} if failure.retry_after else {}
    return _json(_body(failure), failure.status, retry | (headers or {}))


def _body(failure: Failure) -> ErrorBody:
    return ErrorBody(error=ErrorDetail(kind=failure.kind, message=failure.message, id=failure.id))


def _json(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(model.model_dump_json(), status, headers, media_type="application/json")


def _record_headers(result: Result) -> dict[str, str]:
    return {"Content-Location": f"/v1/records/{result.id}"}


def _client(request: Request) -> str:
    """Who asks, as far as fairness needs to know: one connection."""
    return f"{request.client.host}:{request.client.port}" if request.client else "local"


GUARDED = (400, 401, 403, 421, 429)  # what the guard may answer on any path


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorBody} for status in statuses}


def _publish_schemas(app: FastAPI, service: Service, secured: bool) -> None:
    """Add the schemas of what the routes read by themselves to the OpenAPI document."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        schemas = document["components"]["schemas"]
        models: list[type[BaseModel]] = [tool.arguments for tool in service.registry]
        models += [AskBody] if service.asker else []
        for model in models:
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        if secured:
            document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"token": []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents for extending it
