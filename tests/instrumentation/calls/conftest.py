"""The paid services on loopback, and clients of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import boto3
import openai
import pytest
from moto.server import ThreadedMotoServer

import spanledger
from spanledger_api.http_server import HttpServer
from tests.instrumentation.calls.delivery import Delivery
from tests.instrumentation.openai_service import openai_service
from tests.instrumentation.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3.client import S3Client


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


@pytest.fixture(scope="session")
def delivery() -> Iterator[Delivery]:
    """The running server."""
    server = Delivery()
    yield server
    server.close()


@pytest.fixture
def delivered(delivery: Delivery) -> Iterator[Recorder]:
    """An engine that knows the server as CloudFront, and its API as Cloudflare's."""
    recorder = Recorder()
    spanledger.configure(
        "engine-under-test",
        exporter=recorder.exporter,
        cloudfront_hosts=[delivery.host],
        cloudflare_stream_urls=[f"{delivery.host}/client/v4/accounts/*/stream*"],
    )
    yield recorder
    spanledger.shutdown()


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:  # noqa: ANN401 - unrelated types with the same names
    """Each library."""
    return import_module(request.param)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """A running S3 with one bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> S3Client:
    """A client of it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="media")
    return client
