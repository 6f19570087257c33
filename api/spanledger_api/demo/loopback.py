"""The services that the sample engines pay, all on one free port of this machine."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from spanledger_api.demo.openai_service import openai_service
from spanledger_api.demo.s3_service import s3_service

if TYPE_CHECKING:
    from collections.abc import Generator

    from starlette.types import ASGIApp, Receive, Scope, Send


def paid_services(*, seconds_per_token: float = 0.0) -> ASGIApp:
    """OpenAI below ``/v1`` and S3 everywhere else: no bucket has a name as short as ``v1``.

    Args:
        seconds_per_token: How long OpenAI takes for one token of an answer; 0 answers at once.
    """
    openai, s3 = openai_service(seconds_per_token=seconds_per_token), s3_service()

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await (openai if scope["path"].startswith("/v1/") else s3)(scope, receive, send)

    return dispatch


@contextmanager
def served(application: ASGIApp) -> Generator[str]:
    """Serve an ASGI application from a thread of this process while the block runs; gives its base address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, log_level="warning", lifespan="off", loop="asyncio", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="paid-services", daemon=True)
    thread.start()
    try:
        # The listener takes connections already; they wait in its queue until the server is up.
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def paid_services_environment(address: str) -> dict[str, str]:
    """The variables that point the vendors' own clients at the services."""
    return {
        "OPENAI_BASE_URL": f"{address}/v1",
        "OPENAI_API_KEY": "sk-demo",
        "AWS_ENDPOINT_URL_S3": address,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
