"""OpenAI on loopback, and clients of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
import pytest

from spanledger_api.http_server import HttpServer
from tests.instrumentation.openai_service import openai_service

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def openai_url() -> Iterator[str]:
    """Base address of OpenAI's interface on loopback."""
    with HttpServer(openai_service(), "127.0.0.1", 0) as server:
        yield f"{server.url}/v1"


@pytest.fixture
def paid(openai_url: str) -> Iterator[openai.OpenAI]:
    """A synchronous client of it, which tries three times."""
    with openai.OpenAI(api_key="key", base_url=openai_url) as client:
        yield client
