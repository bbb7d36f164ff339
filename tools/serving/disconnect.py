"""Work that ends when its client hangs up."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

T = TypeVar("T")
GONE = 499  # as nginx calls it; no client ever sees it


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """The result of the work, which is cancelled when the client hangs up."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HTTPException(GONE, "the client has gone")
        return await working
    finally:
        working.cancel()
        leaving.cancel()


def ending_with_its_client(app: ASGIApp) -> ASGIApp:
    """The application, cancelled when the client hangs up: the SDK would work on (seen in mcp 2.3)."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            messages = [{"type": "http.request", "body": await request.body(), "more_body": False}]
        except ClientDisconnect:
            return

        async def replayed() -> Message:
            return messages.pop() if messages else await receive()

        try:
            await unless_gone(request, app(scope, replayed, send))
        except HTTPException as error:
            if error.status_code != GONE:
                raise  # otherwise nobody is left to answer, and an answer may have begun

    return wrapped
