"""The application under uvicorn, which is stopped so that nobody who still waits is left without an answer."""

import asyncio
import logging
import socket

import uvicorn

from tools.serving.guard import Policy
from tools.serving.http import build_app
from tools.serving.service import Service

GRACE = 20.0  # seconds that running work gets when the server stops
PARTING = 5  # seconds after them in which the last answers are written


class Server(uvicorn.Server):
    """Serves until a signal comes; then work that waits is refused, and what runs has `grace` seconds to end.

    Uvicorn alone would tell the application to stop only after its own patience, when it has cut the connections.
    """

    def __init__(self, service: Service, policy: Policy | None = None, grace: float = GRACE) -> None:
        config = uvicorn.Config(
            build_app(service, policy),
            log_config=None,  # its own would log to standard output
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(grace) + PARTING,
            ws="none",
        )
        super().__init__(config)
        self._service = service
        self._grace = grace

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and end the work and the answers to it side by side."""
        logging.getLogger("shelf").info("stopping; what runs has %g s to finish", self._grace)
        stopping = asyncio.create_task(self._service.stop(self._grace))
        await super().shutdown(sockets)
        await self._service.stop(0)  # nobody is connected any more, or a second signal wants no patience
        await stopping
