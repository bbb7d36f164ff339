import json

import pytest
from openai.types.chat import ChatCompletionFunctionToolParam
from pydantic import TypeAdapter
from typer.testing import CliRunner

from agent.cli import app
from agent.workbench import Workbench
from tools.describe import describe_tool
from tools.registry import Registry
from tools.store import ImageStore


def bench(checkpoint: str | None) -> Workbench:
    store = ImageStore()
    return Workbench(store, Registry((describe_tool(store, lambda photo: ()),)))


def printed(format: str) -> list[dict]:  # type: ignore[type-arg]
    result = CliRunner().invoke(app, ["tools", "--format", format], obj=bench)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("format", "schema"),
    [
        ("openai", ("function", "parameters")),
        ("anthropic", ("input_schema",)),
        ("mcp", ("inputSchema",)),
    ],
)
def test_the_definitions_carry_the_schema_that_calls_are_checked_against(format: str, schema: tuple[str, ...]) -> None:
    (definition,) = printed(format)
    found = definition
    for key in schema:
        found = found[key]
    assert found == bench(None).registry.get("describe").schema()


def test_the_openai_form_is_what_the_openai_client_takes() -> None:
    TypeAdapter(ChatCompletionFunctionToolParam).validate_python(printed("openai")[0])


def test_the_mcp_form_names_the_record_that_comes_back() -> None:
    assert printed("mcp")[0]["outputSchema"]["title"] == "DescribeRecord"
