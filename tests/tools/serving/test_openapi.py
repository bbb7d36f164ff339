"""A fuzzer reads the OpenAPI document and tries to make the server break its word."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tools.serving.guard import Policy
from tools.serving.http import build_app
from tools.serving.results import Result
from tools.serving.service import Service
from tools.store import ImageStore

from .conftest import Toys, png
from .test_http import asker


def name_what_is_known(case: schemathesis.Case, record: Result) -> None:
    """Put a known photo or record where the case names any, so that not all of them end at an unknown one."""
    if "/records/" in case.path and isinstance(case.path_parameters.get("id"), str):
        case.path_parameters["id"] = record.id
    if "/images/" in case.path and isinstance(case.path_parameters.get("id"), str):
        case.path_parameters["id"] = record.record.image.id
    if isinstance(case.body, dict):
        if isinstance(case.body.get("image"), str) and case.body["image"]:
            case.body["image"] = "shelf.png"
        if isinstance(case.body.get("images"), list) and all(isinstance(each, str) for each in case.body["images"]):
            case.body["images"] = ["shelf.png" if each else "" for each in case.body["images"]]


def fuzz(tmp_path: Path, examples: int) -> Counter[int]:
    """Send each operation that many cases, half of them wrong on purpose; how often each status came back."""
    (tmp_path / "shelf.png").write_bytes(png(7))
    toys = Toys(ImageStore((tmp_path,)))
    service = Service(toys.store, toys.registry(), summarise=lambda *_: "", asker=asker(toys.store))
    # The rate limit is there to stop what a fuzzer does; it has tests of its own.
    policy = Policy(hosts=("localhost", "testserver"), rate=1e9, burst=10**9)
    schema = schemathesis.openapi.from_asgi("/openapi.json", build_app(service, policy))
    statuses: Counter[int] = Counter()
    record = asyncio.run(service.call("count", {"image": "shelf.png", "target": "cans"}, "fuzzer"))
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == 11
    for operation in operations:
        cases = [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategies.one_of(cases), known=strategies.booleans())
        def attempt(case: schemathesis.Case, known: bool) -> None:
            if known:
                name_what_is_known(case, record)
            # No schema can say which bytes are a photo or which photos are known: valid data may be refused.
            response = case.call_and_validate(excluded_checks=[positive_data_acceptance])
            statuses[response.status_code] += 1

        attempt()
    return statuses


def test_a_fuzzer_finds_no_server_error_and_no_undocumented_status(tmp_path: Path) -> None:
    statuses = fuzz(tmp_path, 20)
    assert not [status for status in statuses if status >= 500]
    assert statuses[200] > 20
    assert statuses[422] > 20


@pytest.mark.slow
def test_a_fuzzer_finds_nothing_in_5000_cases(tmp_path: Path) -> None:
    statuses = fuzz(tmp_path, 700)
    assert statuses.total() >= 5000
    assert not [status for status in statuses if status >= 500]
