"""Prompts kept in files, run against OpenAI, with what each run cost and how long it took."""

from __future__ import annotations

import re
import time
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from spanledger.configuration import current_calculator
from spanledger.context import prompt
from spanledger.exceptions import PromptError
from spanledger.guard import guarded
from spanledger.pricing import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openai import AsyncOpenAI, OpenAI
    from openai.types import CompletionUsage
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
            return _result(template.model, response, started)

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
            return _result(template.model, response, started)

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


def _result(model: str, response: ChatCompletion, started: int) -> PromptResult:
    duration = (time.perf_counter_ns() - started) / 1_000_000
    return PromptResult(response, _cost(model, response), duration)


@guarded("prompts.cost")
def _cost(model: str, response: ChatCompletion) -> Decimal | None:
    """What the ledger's own calculator says of the usage that the response states."""
    if response.usage is None:
        return None
    usage = Usage(
        service="openai",
        quantities=_quantities(response.usage),
        model=model,
        served_model=response.model,
        provider="openai",
    )
    return current_calculator().charge(usage, at=datetime.now(UTC)).total_cost


def _quantities(usage: CompletionUsage) -> dict[str, Decimal]:
    """Tokens by meter, as the span of the call states them."""
    prompt_details, completion_details = usage.prompt_tokens_details, usage.completion_tokens_details
    counts = {
        "input_tokens": usage.prompt_tokens,
        "output_tokens": usage.completion_tokens,
        "cached_input_tokens": None if prompt_details is None else prompt_details.cached_tokens,
        "reasoning_output_tokens": None if completion_details is None else completion_details.reasoning_tokens,
    }
    return {meter: Decimal(count) for meter, count in counts.items() if count is not None}
