"""Whom a client of the ``openai`` library really pays: other vendors and Azure speak the same protocol."""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

__all__ = ["provider_at", "provider_of"]

AZURE: Final = "azure.ai.openai"

_HOSTS: Final = {
    "openai.azure.com": AZURE,
    "cognitiveservices.azure.com": AZURE,
    "services.ai.azure.com": AZURE,
    "azure-api.net": AZURE,
    "api.groq.com": "groq",
    "openrouter.ai": "openrouter",
    "api.deepseek.com": "deepseek",
    "api.mistral.ai": "mistral_ai",
    "api.x.ai": "x_ai",
    "api.perplexity.ai": "perplexity",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "api.anthropic.com": "anthropic",
}
"""Hosts, with all below them, and their vendors as ``gen_ai.provider.name`` calls them."""


def provider_of(client: object) -> str:
    """The vendor behind a client: OpenAI unless the client is Azure's own or its address is another vendor's."""
    if "Azure" in type(client).__name__:
        return AZURE
    return provider_at(str(getattr(client, "base_url", "")))


@lru_cache(maxsize=256)
def provider_at(base_url: str) -> str:
    """The vendor at a base address; ``openai`` where the address is nobody's known, e.g. a gateway's."""
    host = urlsplit(base_url).hostname or ""
    return next((name for known, name in _HOSTS.items() if host == known or host.endswith(f".{known}")), "openai")
