"""Prompts kept in files, run against OpenAI, with what each run cost and how long it took."""

from __future__ import annotations

import re
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from spanledger.calls.openai_provider import provider_of
from spanledger.calls.openai_usage import read_answer
from spanledger.charging import service_of
from spanledger.clock import now
from spanledger.configuration import current_calculator
from spanledger.context import prompt
from spanledger.exceptions import PromptError
from spanledger.guard import guarded
from spanledger.pricing import Usage
from spanledger.values import non_negative

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from openai import AsyncOpenAI, OpenAI
    from openai.types.chat import ChatCompletion, ChatCompletionUserMessageParam

__all__ = ["PromptManager", "PromptResult"]

DEFAULT_MODEL: Final = "gpt-4"
DEFAULT_TEMPERATURE: Final = 0.7

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_NAME = re.compile(r"[\w-]+(\.[\w-]+)*")


class PromptResult(NamedTuple):
    """One run of a prompt; unpacks as ``response, cost, duration``.

    Attributes:
        response: What OpenAI answered.
        cost: USD that the ledger will show for it, at 12 places; None if it cannot be priced.
        duration: Milliseconds that the call took.
    """

    response: ChatCompletion
    cost: Decimal | None
    duration: float


@dataclass(frozen=True, slots=True)
class _Template:
    text: str
    model: str
    temperature: float

    def render(self, variables: Mapping[str, object]) -> str:
        """The prompt with its placeholders filled; what a variable contains is not filled again."""
        missing = sorted({name for name in _PLACEHOLDER.findall(self.text) if name not in variables})
        if missing:
            message = f"the prompt needs {', '.join(missing)}; given: {', '.join(sorted(variables)) or 'nothing'}"
            raise PromptError(message)
        return _PLACEHOLDER.sub(lambda found: str(variables[found[1]]), self.text)


class PromptManager:
    """Runs prompts from ``{directory}/{category}/{name}.toml``.

    A file holds ``prompt``, a text with ``{{variable}}`` placeholders, and optionally ``model`` (``gpt-4``) and
    ``temperature`` (0.7).

    Args:
        directory: Where the prompts are.
        client: Runs them; None makes an ``openai.OpenAI()``, or ``openai.AsyncOpenAI()`` for asynchronous runs, when
            the first prompt is run.
    """

    def __init__(self, directory: str | Path, client: OpenAI | AsyncOpenAI | None = None) -> None:
        self._directory = Path(directory)
        self._client = client

    def execute_prompt(self, category: str, name: str, variables: Mapping[str, object]) -> PromptResult:
        """Run a prompt and say what it cost.

        The call is a cost record with the operation ``{model}_{category}_{name}``. Errors of OpenAI pass unchanged.

        Args:
            category: The folder below the directory.
            name: The file's name without ``.toml``.
            variables: What the placeholders stand for; more than the prompt needs is fine.

        Raises:
            PromptError: There is no such prompt, its file is not valid, a variable is missing, or the manager's client
                is asynchronous.
        """
        template = self._load(category, name)
        messages = _messages(template.render(variables))
        client = self._synchronous_client()
        with prompt(category, name):
            started = time.perf_counter_ns()
            response = client.chat.completions.create(
                model=template.model, temperature=template.temperature, messages=messages
            )
            return _result(client, template.model, response, started)

    async def aexecute_prompt(self, category: str, name: str, variables: Mapping[str, object]) -> PromptResult:
        """Run a prompt as :meth:`execute_prompt` does, with an asynchronous client.

        Raises:
            PromptError: As for :meth:`execute_prompt`, or the manager's client is synchronous.
        """
        template = self._load(category, name)
        messages = _messages(template.render(variables))
        client = self._asynchronous_client()
        with prompt(category, name):
            started = time.perf_counter_ns()
            response = await client.chat.completions.create(
                model=template.model, temperature=template.temperature, messages=messages
            )
            return _result(client, template.model, response, started)

    def _load(self, category: str, name: str) -> _Template:
        for part in (category, name):
            if not _NAME.fullmatch(part):
                message = f"{part!r} is no name of a prompt: letters, digits, '_', '-' and inner dots only"
                raise PromptError(message)
        path = self._directory / category / f"{name}.toml"
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            message = f"there is no prompt {path}"
            raise PromptError(message) from None
        except (OSError, ValueError) as error:
            message = f"the prompt {path} cannot be read: {error}"
            raise PromptError(message) from error
        return _template(path, content)

    def _synchronous_client(self) -> OpenAI:
        from openai import OpenAI  # noqa: PLC0415 - an extra, needed by no one else here

        if self._client is None:
            self._client = OpenAI()
        if not isinstance(self._client, OpenAI):
            message = "this manager's client is asynchronous: await aexecute_prompt instead"
            raise PromptError(message)
        return self._client

    def _asynchronous_client(self) -> AsyncOpenAI:
        from openai import AsyncOpenAI  # noqa: PLC0415 - an extra, needed by no one else here

        if self._client is None:
            self._client = AsyncOpenAI()
        if not isinstance(self._client, AsyncOpenAI):
            message = "this manager's client is synchronous: call execute_prompt instead"
            raise PromptError(message)
        return self._client


def _template(path: Path, content: Mapping[str, object]) -> _Template:
    body = content.get("prompt")
    model = content.get("model", DEFAULT_MODEL)
    temperature = content.get("temperature", DEFAULT_TEMPERATURE)
    if not isinstance(body, str) or not isinstance(model, str) or not isinstance(temperature, int | float):
        message = f"the prompt {path} needs a text 'prompt'; 'model' is a text and 'temperature' a number"
        raise PromptError(message)
    return _Template(body, model, temperature)


def _messages(content: str) -> list[ChatCompletionUserMessageParam]:
    return [{"role": "user", "content": content}]


def _result(client: OpenAI | AsyncOpenAI, model: str, response: ChatCompletion, started: int) -> PromptResult:
    duration = (time.perf_counter_ns() - started) / 1_000_000
    return PromptResult(response, _cost(client, model, response), duration)


@guarded("prompts.cost")
def _cost(client: OpenAI | AsyncOpenAI, model: str, response: ChatCompletion) -> Decimal | None:
    """What the ledger will say: the same reading of the answer, and the same calculator."""
    answer = read_answer(response)
    if not answer.quantities:
        return None
    provider = provider_of(client)
    usage = Usage(
        service=service_of(provider),
        quantities={meter: non_negative(count, meter) for meter, count in answer.quantities.items()},
        model=model,
        served_model=answer.model,
        provider=provider,
        tier=answer.tier,
    )
    return current_calculator().charge(usage, at=now()).total_cost
