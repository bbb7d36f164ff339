import asyncio
import base64
import io
import json
import time
from collections.abc import Iterator

import pytest
from PIL import Image
from pydantic import BaseModel
from starlette.testclient import TestClient

from segmentation.photo import Photo
from tools.records import CountRecord
from tools.registry import Progress
from tools.serving.definitions import definitions
from tools.serving.guard import Policy
from tools.serving.http import build_app
from tools.serving.service import Asker, Limits, Service

from .conftest import PATIENCE, Toys, png, service_of

URL = "http://127.0.0.1:8000"


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(build_app(service, grace=0), base_url=URL) as client:
        yield client


def error_of(response) -> dict:  # type: ignore[no-untyped-def, type-arg]
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"kind", "message", "id"}
    return body["error"]


def test_an_uploaded_photo_is_counted_by_its_id(client: TestClient) -> None:
    uploaded = client.post("/v1/images", content=png(42), headers={"content-type": "image/png"})
    assert uploaded.status_code == 201
    info = uploaded.json()
    assert (info["width"], info["height"], info["name"]) == (600, 500, "upload")
    assert uploaded.headers["location"] == f"/v1/images/{info['id']}"
    counted = client.post("/v1/tools/count", json={"image": info["id"], "target": "cans"})
    assert counted.status_code == 200
    record = CountRecord.model_validate_json(counted.content)
    assert (record.count, record.image.id) == (42, info["id"])
    again = client.get(counted.headers["content-location"])
    assert again.json() == counted.json()
    picture = client.get(counted.headers["content-location"] + "/picture")
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["x-content-type-options"] == "nosniff"
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.width >= 600


def test_a_form_upload_loses_its_path_and_control_characters(client: TestClient) -> None:
    name = "../../etc/\x1b[31mshelf.png"
    response = client.post("/v1/images", files={"file": (name, png(), "text/html")})
    assert response.status_code == 201
    assert "/" not in response.json()["name"]
    assert "\x1b" not in response.json()["name"]
    known = client.get(f"/v1/images/{response.json()['id']}")
    assert known.headers["content-type"] == "application/json"
    assert known.json()["id"] == response.json()["id"]


def test_photos_come_by_path_under_the_root_and_as_data_uri(client: TestClient) -> None:
    uri = "data:image/png;base64," + base64.b64encode(png(33)).decode()
    for image, count in (("shelf.png", 7), (uri, 33)):
        response = client.post("/v1/tools/count", json={"image": image, "target": "cans"})
        assert response.json()["count"] == count


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"image": "shelf.png", "target": "nothing"}, 422, "'nothing' names nothing"),
        ({"image": "shelf.png"}, 422, "target: Field required"),
        (
            {"image": "shelf.png", "target": "x", "optimize": 1},
            422,
            "optimize: Input should be a valid boolean",
        ),
        ({"image": "shelf.png", "target": "x", "colour": 1}, 422, "colour: Extra inputs"),
        ({"image": "../secret.png", "target": "x"}, 404, "upload it first"),
        ({"image": "/etc/passwd", "target": "x"}, 404, "upload it first"),
        ({"image": "http://169.254.169.254/", "target": "x"}, 404, "URLs are not opened here"),
        ([], 422, "must be a JSON object"),
    ],
)
def test_a_call_that_cannot_be_done_says_what_to_change(
    client: TestClient, body: object, status: int, says: str
) -> None:
    response = client.post("/v1/tools/count", json=body)
    assert response.status_code == status
    assert says in error_of(response)["message"]


def test_a_bug_is_an_id_and_nothing_else(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    response = client.post("/v1/tools/count", json={"image": "shelf.png", "target": "bug"})
    assert response.status_code == 500
    error = error_of(response)
    assert error["kind"] == "bug"
    assert "secret" not in response.text
    assert f"bug {error['id']}" in caplog.text


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"image=x&target=y", "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'"x"', "application/json", 422),
    ],
)
def test_bodies_that_are_no_json_object_are_refused(client: TestClient, content: bytes, kind: str, status: int) -> None:
    response = client.post("/v1/tools/count", content=content, headers={"content-type": kind})
    assert response.status_code == status
    error_of(response)


@pytest.mark.parametrize(
    ("content", "kind", "status", "says"),
    [
        (b"", "image/png", 422, "the file is empty"),
        (b"<html>", "image/jpeg", 422, "not a readable image"),
        (png()[:-200], "image/png", 422, "damaged or cut off"),
        (png(), "text/html", 415, "image content type"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 422, "file"),
        (b"broken", "multipart/form-data", 400, ""),
    ],
)
def test_uploads_that_are_no_photo_are_refused(
    client: TestClient, content: bytes, kind: str, status: int, says: str
) -> None:
    response = client.post("/v1/images", content=content, headers={"content-type": kind})
    assert response.status_code == status
    assert says in error_of(response)["message"]


def test_a_body_that_is_no_json_says_where(client: TestClient) -> None:
    response = client.post("/v1/tools/count", content=b'{"image": "a}', headers={"content-type": "application/json"})
    assert error_of(response)["message"] == (
        "the body is not JSON: Unterminated string starting at: line 1 column 11 (char 10)"
    )


def test_too_many_form_parts_are_refused(client: TestClient) -> None:
    parts = {f"field{number}": "x" for number in range(50)}
    assert client.post("/v1/images", data=parts, files={"file": png()}).status_code == 400


def test_unknown_things_are_404_and_wrong_methods_405(client: TestClient) -> None:
    for path in ("/v1/images/abc", "/v1/records/abc", "/v1/records/abc/picture", "/v1/tools/x", "/docs", "/"):
        response = client.get(path) if path != "/v1/tools/x" else client.post(path, json={})
        assert response.status_code == 404
    assert "GET /v1/tools the tools" in error_of(client.post("/v1/tools/counts", json={}))["message"]
    response = client.get("/v1/tools/count")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert error_of(response)["message"] == "this path takes POST, not GET"


def test_definitions_are_given_in_three_formats(client: TestClient, service: Service) -> None:
    for format in ("openai", "mcp", "anthropic"):
        response = client.get("/v1/tools", params={"format": format})
        assert response.json()["tools"] == definitions(service.registry, format)
    assert client.get("/v1/tools", params={"format": "xml"}).status_code == 422


def test_the_openapi_document_shows_the_strict_models_of_the_tools(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/v1/tools/count"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/CountArguments"}
    assert document["components"]["schemas"]["CountArguments"]["additionalProperties"] is False
    assert {"200", "404", "413", "422", "429", "500", "503", "504"} <= set(operation["responses"])


def test_health_readiness_and_metrics_are_told(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    client.post("/v1/tools/count", json={"image": "shelf.png", "target": "cans"})
    client.post("/v1/tools/count", json={"image": "shelf.png", "target": "nothing"})
    text = client.get("/metrics").text
    assert 'shelf_calls_total{work="count",outcome="ok"} 1' in text
    assert 'shelf_calls_total{work="count",outcome="refused"} 1' in text
    assert 'shelf_call_seconds_count{work="count"} 2' in text
    assert "shelf_images 1" in text


def test_mcp_is_served_beside_it(client: TestClient) -> None:
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "count", "arguments": {"image": "shelf.png", "target": "cans"}},
    }
    headers = {"accept": "application/json, text/event-stream"}
    response = client.post("/mcp", json=body, headers=headers)
    assert response.status_code == 200
    assert response.json()["result"]["structuredContent"]["count"] == 7


class Answer(BaseModel):
    answer: str


def asker(store: object) -> Asker:
    def ask(request: str, photos: tuple[Photo, ...], progress: Progress) -> Answer:
        progress.report("planning", 0.1)
        progress.report("counting", 0.7)
        if request == "bug":
            raise RuntimeError("secret")
        return Answer(answer=f"{request}: {', '.join(photo.name for photo in photos)}")

    return Asker(ask, Answer)


@pytest.fixture
def asking(toys: Toys) -> Iterator[TestClient]:
    service = Service(toys.store, toys.registry(), summarise=lambda *_: "", asker=asker(toys.store))
    with TestClient(build_app(service, grace=0), base_url=URL) as client:
        yield client


def test_a_request_in_plain_words_is_answered_as_json_or_as_events(asking: TestClient) -> None:
    body = {"request": "how many cans?", "images": ["shelf.png"]}
    assert asking.post("/v1/ask", json=body).json() == {"answer": "how many cans?: shelf.png"}
    response = asking.post("/v1/ask", json=body, headers={"accept": "text/event-stream"})
    assert response.headers["content-type"].startswith("text/event-stream")
    events = [block.split("\n") for block in response.text.strip().split("\n\n")]
    assert [event[0] for event in events] == ["event: progress", "event: progress", "event: answer"]
    assert json.loads(events[0][1].removeprefix("data: ")) == {"stage": "planning", "fraction": 0.1}
    assert json.loads(events[2][1].removeprefix("data: ")) == {"answer": "how many cans?: shelf.png"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"request": "x", "images": []}, 422),
        ({"request": "", "images": ["shelf.png"]}, 422),
        ({"request": "x", "images": ["nowhere.png"]}, 404),
        ({"request": "x" * 3000, "images": ["shelf.png"]}, 422),
        ({"request": "bug", "images": ["shelf.png"]}, 500),
    ],
)
def test_a_request_that_cannot_be_answered_is_refused(asking: TestClient, body: dict, status: int) -> None:  # type: ignore[type-arg]
    assert asking.post("/v1/ask", json=body).status_code == status
    if status != 422:
        events = asking.post("/v1/ask", json=body, headers={"accept": "text/event-stream"})
        assert "event: error" in events.text
        assert "secret" not in events.text


def test_without_a_planner_there_is_no_ask_route(client: TestClient) -> None:
    assert client.post("/v1/ask", json={}).status_code == 404
    assert "/v1/ask" not in client.get("/openapi.json").json()["paths"]


def test_late_work_is_504_and_is_stopped(toys: Toys) -> None:
    service = service_of(toys, Limits(call_seconds=0.05))
    with TestClient(build_app(service, grace=0), base_url=URL) as client:
        late = client.post("/v1/tools/count", json={"image": "shelf.png", "target": "wait"})
        assert late.status_code == 504
        assert error_of(late)["kind"] == "late"
        deadline = time.monotonic() + PATIENCE
        while "shelf_running 0\n" not in client.get("/metrics").text:  # nobody lets it go on, so it was stopped
            assert time.monotonic() < deadline


def test_a_stopping_server_refuses_work_and_says_so(service: Service) -> None:
    with TestClient(build_app(service, grace=0), base_url=URL) as client:
        asyncio.run(service.stop(0))
        assert client.get("/readyz").status_code == 503
        response = client.post("/v1/tools/count", json={"image": "shelf.png", "target": "cans"})
        assert response.status_code == 503
        assert response.headers["retry-after"] == "5"


def test_a_body_larger_than_the_cap_is_413_whatever_its_length_claims(service: Service) -> None:
    policy = Policy(json_bytes=1000, upload_bytes=2000)
    with TestClient(build_app(service, policy, grace=0), base_url=URL) as client:
        json_type, image_type = {"content-type": "application/json"}, {"content-type": "image/png"}
        assert client.post("/v1/tools/count", content=b" " * 1001, headers=json_type).status_code == 413
        pieces = (b" " * 600 for _ in range(3))  # sent in chunks, without a length
        assert client.post("/v1/tools/count", content=pieces, headers=json_type).status_code == 413
        assert client.post("/v1/images", content=b" " * 2001, headers=image_type).status_code == 413
        assert client.post("/mcp", content=b" " * 1001, headers=json_type).status_code == 413
