"""The paid services on a real port, and the vendors' own clients pointed at them."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING

import boto3
import openai
import pytest

from spanledger_api.demo.loopback import paid_services
from spanledger_api.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="package")
def services() -> Iterator[str]:
    """Address of the services, which answer at once."""
    with HttpServer(paid_services(), "127.0.0.1", 0) as server:
        yield server.url


@pytest.fixture
def openai_client(services: str) -> Iterator[openai.OpenAI]:
    """OpenAI's own client, without retries so that a refusal is seen as it comes."""
    with openai.OpenAI(api_key="sk-test", base_url=f"{services}/v1", max_retries=0) as client:
        yield client


@pytest.fixture(scope="package")
def s3(services: str) -> Iterator[S3Client]:
    """boto3's own client with its default checksums, and a bucket named ``media``."""
    client = boto3.Session("x", "x", region_name="us-east-1").client("s3", endpoint_url=services)
    client.create_bucket(Bucket="media")
    yield client
    client.close()


@pytest.fixture
def recording() -> Callable[[int], bytes]:
    """Makes a WAV file of so many silent seconds."""

    def make(seconds: int) -> bytes:
        file = io.BytesIO()
        with wave.open(file, "wb") as audio:
            audio.setnchannels(1)
            audio.setsampwidth(1)
            audio.setframerate(1000)
            audio.writeframes(bytes(1000 * seconds))
        return file.getvalue()

    return make
