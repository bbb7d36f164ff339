"""The registry as the tool definitions that other programs paste or fetch."""

from typing import Any, Literal, get_args

from pydantic import BaseModel

from tools.registry import Registry, Tool

Format = Literal["openai", "mcp", "anthropic"]
FORMATS: tuple[Format, ...] = get_args(Format)


def definitions(registry: Registry, format: Format) -> list[dict[str, Any]]:
    """All tools in one format, each with exactly the schema that its arguments are checked against."""
    return [_definition(tool, format) for tool in registry]


def record_schema(tool: Tool) -> dict[str, Any] | None:
    """The JSON schema of the record that a tool returns; None when it names no single one."""
    return tool.record.model_json_schema(mode="serialization") if tool.record else None


def _definition(tool: Tool, format: Format) -> dict[str, Any]:
    schema = tool.schema()
    match format:
        case "openai":
            function = {"name": tool.name, "description": tool.description, "parameters": schema}
            return {"type": "function", "function": function}
        case "anthropic":
            return {"name": tool.name, "description": tool.description, "input_schema": schema}
        case "mcp":
            definition = {"name": tool.name, "description": tool.description, "inputSchema": schema}
            output = record_schema(tool)
            return definition | ({"outputSchema": output} if output else {})


class Definitions(BaseModel):
    """The definitions over HTTP."""

    tools: list[dict[str, Any]]
