import asyncio

from tools.serving.disconnect import ending_with_its_client


def test_a_client_that_hangs_up_after_the_answer_has_begun_ends_the_application_quietly() -> None:
    ended: list[str] = []
    sent: list[str] = []

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cancelled")

    messages = [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]

    async def receive():  # type: ignore[no-untyped-def]
        await asyncio.sleep(0)
        return messages.pop(0)

    async def send(message):  # type: ignore[no-untyped-def]
        sent.append(message["type"])

    async def go() -> None:
        await ending_with_its_client(app)({"type": "http", "method": "GET", "path": "/", "headers": []}, receive, send)
        await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(go(), 10))
    assert sent == ["http.response.start"]
    assert ended == ["cancelled"]
