"""What plain HTTP reads: photos, and JSON objects that the tools' own models check."""

import json
from typing import Annotated, Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from segmentation.photo import file_name


class AskBody(BaseModel):
    """A request in plain words."""

    model_config = ConfigDict(strict=True, extra="forbid")

    request: Annotated[str, Field(min_length=1, max_length=2000)]
    images: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1, max_length=8)]


async def uploaded(request: Request) -> tuple[bytes, str]:
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
    raise HTTPException(
        415, "send an image content type, or multipart/form-data with the field `file` (curl -F file=@photo.jpg)"
    )


async def json_object(request: Request) -> dict[str, Any]:
    """The body of a call.

    Raises:
        HTTPException: it is no JSON object.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":  # what a form on a web page can send is never taken for a call
        raise HTTPException(415, "send Content-Type: application/json")
    try:
        value = json.loads(await request.body())
    except json.JSONDecodeError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None
    except (ValueError, RecursionError):  # not UTF-8, or nested without end
        raise HTTPException(400, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise HTTPException(422, "the body must be a JSON object")
    return value
