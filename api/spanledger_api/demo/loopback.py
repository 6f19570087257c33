"""The services that the sample engines pay, as one application for one port of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spanledger_api.demo.openai_service import openai_service
from spanledger_api.demo.s3_service import s3_service

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


def paid_services(*, seconds_per_token: float = 0.0) -> ASGIApp:
    """OpenAI below ``/v1`` and S3 everywhere else: no bucket has a name as short as ``v1``.

    Args:
        seconds_per_token: How long OpenAI takes for one token of an answer; 0 answers at once.
    """
    openai, s3 = openai_service(seconds_per_token=seconds_per_token), s3_service()

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await (openai if scope.get("path", "").startswith("/v1/") else s3)(scope, receive, send)

    return dispatch


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
