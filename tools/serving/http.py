"""The registry over plain HTTP, with MCP beside it at /mcp: one application for any ASGI server.

Bodies are checked by the tools' own strict models and not by FastAPI, which would validate decoded JSON and
refuse the lists that stand for tuples; the OpenAPI document shows the same models.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import BaseModel
from starlette.routing import Route

from tools.serving.answers import handle_errors
from tools.serving.bodies import AskBody
from tools.serving.disconnect import ending_with_its_client
from tools.serving.guard import Guard, Policy
from tools.serving.mcp import build_server
from tools.serving.routes import add_ask_route, add_image_routes, add_record_routes, add_state_routes, add_tool_route
from tools.serving.service import Service


def build_app(service: Service, policy: Policy | None = None, grace: float = 0) -> FastAPI:
    """A new application; its MCP session manager can be entered once, so each run needs its own.

    When the application ends, work that still runs gets `grace` seconds.
    """
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
    handle_errors(app)
    add_state_routes(app, service)
    add_image_routes(app, service)
    for tool in service.registry:
        add_tool_route(app, service, tool)
    add_record_routes(app, service)
    if service.asker is not None:
        add_ask_route(app, service, service.asker.answer)
    _publish_schemas(app, service, secured=bool(policy.tokens))
    for route in mcp_app.routes:  # /mcp; a mount at / would turn every 405 into a 404
        assert isinstance(route, Route)
        route.app = ending_with_its_client(route.app)
        app.router.routes.append(route)
    return app


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
