"""What plain HTTP answers: records and errors as JSON, and the errors that any path may have."""

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from segmentation.errors import ShelfError
from tools.records import Frozen
from tools.serving.failure import Failure, Kind, failure_of

GUARDED = (400, 401, 403, 421, 429)  # what the guard may answer on any path


class ErrorDetail(Frozen):
    """What went wrong, whose turn it is, and for a bug the id that the log knows."""

    kind: Kind
    message: str
    id: str | None = None


class ErrorBody(Frozen):
    """The body of every answer that is no success."""

    error: ErrorDetail


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The statuses as FastAPI documents them."""
    return {status: {"model": ErrorBody} for status in statuses}


def handle_errors(app: FastAPI) -> None:
    """Give every error that a route lets out the body of `ErrorBody`."""
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ShelfError, _shelf_error)


async def answered(work: Awaitable[Response]) -> Response:
    """What the work returns, or its failure as a response."""
    try:
        return await work
    except HTTPException:
        raise
    except Exception as error:  # the border of the server: a bug becomes an id, and the server lives on
        return failed(failure_of(error))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message, headers = str(error.detail), dict(error.headers or {})
    if message == HTTPStatus(error.status_code).phrase:  # the router's own words say nothing about what to do
        match error.status_code:
            case 404:
                message = "no such path; GET /openapi.json lists them, GET /v1/tools the tools"
            case 405:
                message = f"this path takes {headers.get('Allow', 'other methods')}, not {request.method}"
    return failed(Failure("user", message, error.status_code), headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors())
    return failed(Failure("user", wrong, 422))


async def _shelf_error(request: Request, error: Exception) -> Response:
    return failed(failure_of(error))


def failed(failure: Failure, headers: dict[str, str] | None = None) -> Response:
    """A failure as a response."""
    retry = {"Retry-After": str(failure.retry_after)} if failure.retry_after else {}
    return json_answer(error_body(failure), failure.status, retry | (headers or {}))


def error_body(failure: Failure) -> ErrorBody:
    """A failure as a body."""
    return ErrorBody(error=ErrorDetail(kind=failure.kind, message=failure.message, id=failure.id))


def json_answer(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A model as a response, as it is."""
    return Response(model.model_dump_json(), status, headers, media_type="application/json")
