"""Whom a client pays: Azure and other vendors by their addresses, and what they charge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
import pytest

from spanledger.calls.openai_provider import provider_at
from tests.instrumentation.calls.openai_calls import MESSAGES
from tests.instrumentation.openai_service import scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.instrumentation.recorder import Recorder


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("https://api.openai.com/v1/", "openai"),
        ("https://eu.api.openai.com/v1/", "openai"),
        ("http://127.0.0.1:8000/v1", "openai"),
        ("https://us-1.openai.azure.com/openai/v1/", "azure.ai.openai"),
        ("https://us-1.cognitiveservices.azure.com/openai", "azure.ai.openai"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://openai.azure.com.example.org/v1", "openai"),
        ("no address", "openai"),
    ],
)
def test_vendors_are_known_by_their_hosts(address: str, provider: str) -> None:
    """The host or a domain below it, never a part of a name."""
    assert provider_at(address) == provider


@pytest.fixture
def azure(openai_url: str) -> Iterator[openai.AzureOpenAI]:
    """Azure's own client, against the same service."""
    endpoint = openai_url.removesuffix("/v1")
    with openai.AzureOpenAI(api_key="key", azure_endpoint=endpoint, api_version="2024-10-21") as client:
        yield client


def test_a_deployment_costs_what_the_served_model_costs(recorder: Recorder, azure: openai.AzureOpenAI) -> None:
    """The deployment's own name prices nothing; the model that answers does."""
    served = scenario(model="gpt-4o-2024-08-06")
    azure.chat.completions.create(model="our-deployment", messages=MESSAGES, extra_headers=served)

    record = recorder.cost()
    assert (record["gen_ai.provider.name"], record["cost.service"]) == ("azure.ai.openai", "openai")
    assert (record["cost.operation"], record["cost.total_cost"]) == ("our-deployment_chat", "0.0075")
    assert record["cost.source"] == "price_book"


def test_a_deployment_of_an_unknown_model_is_a_fallback(recorder: Recorder, azure: openai.AzureOpenAI) -> None:
    """Where the answer names the deployment again, the price of gpt-4 stands in, and says so; streams too."""
    azure.chat.completions.create(model="our-deployment", messages=MESSAGES)
    list(azure.chat.completions.create(model="our-deployment", messages=MESSAGES, stream=True))

    for record in recorder.costs():
        assert (record["cost.total_cost"], record["cost.source"]) == ("0.06", "fallback")
        assert "our-deployment" in str(record["cost.reason"])


def test_azures_transcriptions_are_metered(recorder: Recorder, azure: openai.AzureOpenAI) -> None:
    """Whisper by its model's name; a deployment of another name has its seconds, and a reason for no amount."""
    for model in ("whisper-1", "our-whisper"):
        azure.audio.transcriptions.create(model=model, file=b"RIFF")

    known, unknown = recorder.costs()
    assert (known["cost.total_cost"], known["cost.quantity"]) == ("0.009", "1.5")
    assert (unknown["cost.source"], unknown["cost.quantity"]) == ("unpriced", "90")
    assert "our-whisper" in str(unknown["cost.reason"])
