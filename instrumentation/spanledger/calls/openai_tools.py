"""What an answer of the Responses API says of built-in tools: their fees come on top of the tokens.

A search is paid by the call, on the record of the answer that it was made for. A container, in which code runs, is paid
by the time it lives and may serve many answers: it is a paid thing of its own, with one record, whoever's answer tells
of it first.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, cast

from spanledger.attributes import (
    COST_METADATA_PREFIX,
    COST_OPERATION,
    COST_REASON,
    COST_SERVICE,
    COST_SOURCE,
    GEN_AI_REQUEST_MODEL,
)
from spanledger.attributes import COST_USAGE_PREFIX as USAGE
from spanledger.calls.members import member, member_text
from spanledger.calls.outcomes import Outcome, Outcomes
from spanledger.clock import now
from spanledger.configuration import current_calculator
from spanledger.guard import guarded
from spanledger.pricing import CostSource, Usage
from spanledger.values import metadata_attributes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from spanledger.values import Attribute

__all__ = ["charge_containers", "containers_used", "fees_due"]

_FREE: Final = frozenset(
    {"function", "custom_tool", "mcp", "computer", "local_shell", "apply_patch", "tool_search", "code_interpreter"}
    | {"shell", "program"}
)
"""Tools without a fee of their own: the engine runs them, only their tokens cost, or their container is paid."""

_FREE_ACTIONS: Final = frozenset({"open_page", "find_in_page"})
_PREVIEW: Final = "web_search_preview"
_NOT_REASONING: Final = ("gpt-4o", "gpt-4.1")
_SERVICE: Final = "openai_containers"
_BY_THE_MINUTE: Final = "a container is paid by the minute, and the answer does not say how long it ran"

_CONTAINERS: Final = Outcomes(_SERVICE)


def fees_due(answer: object) -> dict[str, int]:
    """How many calls of each tool that has a fee an answer tells of; empty where it tells of none.

    A tool that is not known is among them, so that it is not taken for one that costs nothing.

    Args:
        answer: A response, or its JSON.
    """
    due: Counter[str] = Counter()
    for item in _items(answer):
        tool = member_text(item, "type") or ""
        name = tool.removesuffix("_call")
        if tool == name or name in _FREE or member(item, "status") == "failed":
            continue
        if name == "web_search":
            if member(member(item, "action"), "type") in _FREE_ACTIONS:
                continue
            name = _search(answer)
        due[name] += 1
    return dict(due)


def containers_used(answer: object) -> dict[str, str | None]:
    """The containers that an answer tells of: identifier to memory, as ``1g``; None where it does not say.

    Args:
        answer: A response, or its JSON.
    """
    used: dict[str, str | None] = {}
    for item in _items(answer):
        container = member_text(item, "container_id") or member_text(member(item, "environment"), "container_id")
        if container is not None:
            used[container] = _memory(answer)
    return used


@guarded("openai.containers")
def charge_containers(containers: Mapping[str, str | None], provider: str, at: int) -> None:
    """One record for each container, however many answers and processes tell of it.

    Args:
        containers: As :func:`containers_used` finds them.
        provider: Who runs them.
        at: When an answer told of them, in nanoseconds since 1970.
    """
    for container, memory in containers.items():
        if not _CONTAINERS.is_settled(container):
            _CONTAINERS.settle(container, _outcome(container, memory, provider, at))


def _outcome(container: str, memory: str | None, provider: str, at: int) -> Outcome:
    model = f"container_{memory}" if memory else "container"
    attributes: dict[str, Attribute] = {
        **metadata_attributes(
            COST_METADATA_PREFIX, {"container_id": container, "memory": memory, "provider": provider}
        ),
        COST_SERVICE: _SERVICE,
        COST_OPERATION: "code_interpreter",
        GEN_AI_REQUEST_MODEL: model,
    }
    session: dict[str, Attribute] = {f"{USAGE}requests": 1}
    unpriced: dict[str, Attribute] = {COST_SOURCE: CostSource.UNPRICED.value, COST_REASON: _BY_THE_MINUTE}
    priced = _is_priced(model, provider)
    return Outcome("openai.container", attributes | (session if priced else unpriced), started_at=at, ended_at=at)


def _is_priced(model: str, provider: str) -> bool:
    """Whether an own price row says what a session costs."""
    from decimal import Decimal  # noqa: PLC0415 - with containers only

    usage = Usage(_SERVICE, {"requests": Decimal(1)}, model, provider=provider)
    return current_calculator().charge(usage, at=now()).source is not CostSource.UNPRICED


def _search(answer: object) -> str:
    """Which of the web searches it was, by the tools that the request named; they differ in price."""
    kinds = [member_text(tool, "type") or "" for tool in _members(answer, "tools")]
    if any(kind == "web_search" or kind.startswith("web_search_2") for kind in kinds):
        return "web_search"
    if not any(kind.startswith(_PREVIEW) for kind in kinds):
        return "web_search"
    model = member_text(answer, "model") or ""
    return f"{_PREVIEW}_non_reasoning" if model.startswith(_NOT_REASONING) else _PREVIEW


def _memory(answer: object) -> str | None:
    for tool in _members(answer, "tools"):
        container = member(tool, "container")
        if member(container, "type") == "auto":
            return member_text(container, "memory_limit") or "1g"
    return None


def _items(answer: object) -> Iterable[object]:
    return _members(answer, "output")


def _members(answer: object, name: str) -> Iterator[object]:
    value = member(answer, name)
    if isinstance(value, list):
        yield from cast("Sequence[object]", value)
