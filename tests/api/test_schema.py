"""The API does what its OpenAPI document says, whatever is asked: generated requests on every path."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks

from spanledger_api.access import Role
from spanledger_api.access.gate import Gate
from spanledger_api.access.key_ring import KeyRing
from spanledger_api.access.keys import NewKey, issue_key
from spanledger_api.access.request_limits import RequestLimits
from spanledger_api.app import create_app
from spanledger_api.messages import Locale
from tests.api.conftest import NOW
from tests.api.spans import Span, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from spanledger_clickhouse.ledger import Ledger

_EXAMPLES = int(os.environ.get("SPANLEDGER_SCHEMA_EXAMPLES", "3"))
# A window may be empty and a period may begin before 1970: such requests fit the document and are refused by name.
# HEAD is answered wherever GET is, without an entry of its own.
checks.load_all_checks()
_NOT_PROMISED = cast("Any", checks).CHECKS.get_by_names(["positive_data_acceptance", "unsupported_method"])


@pytest.fixture
def operations(app: FastAPI, ledger: Ledger) -> list[schemathesis.APIOperation[Any, Any, Any, Any]]:
    """Every documented operation, over a ledger with a record of each kind."""
    store(
        ledger,
        [
            Span(service="openai", operation="p", cost=Decimal("0.5"), user="u", task="t", step="s", execution="e"),
            Span(task="t", execution="e", execution_status="completed", start=NOW),
        ],
    )
    schema: Any = schemathesis.openapi.from_asgi("/openapi.json", app)
    found = [result.ok() for result in schema.get_all_operations()]
    assert len(found) > 20
    return found


@pytest.fixture
def guarded_operations(
    ledger: Ledger,
) -> Iterator[tuple[list[schemathesis.APIOperation[Any, Any, Any, Any]], dict[str, str]]]:
    """Every documented operation of an API that asks for keys, and the header that shows one of role admin."""
    key, _ = issue_key(ledger, NewKey(name="examiner", role=Role.ADMIN), "test")
    gate = Gate(KeyRing(ledger), limits=RequestLimits(1_000_000, 1_000_000))
    app = create_app(ledger, clock=lambda: NOW, locale=Locale.ENGLISH, gate=gate)
    headers = {"Authorization": f"Bearer {key}"}
    schema: Any = schemathesis.openapi.from_asgi("/openapi.json", app, headers=headers)
    with gate:
        yield [result.ok() for result in schema.get_all_operations()], headers


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_every_path_keeps_to_the_document(
    operations: list[schemathesis.APIOperation[Any, Any, Any, Any]], mode: schemathesis.GenerationMode
) -> None:
    """Whatever is asked, valid or not, gets an answer of a documented status, type and shape, and never a failure."""
    for operation in operations:
        parameters = operation.definition.raw.get("parameters", [])
        # A path without a query has nothing that could be stated wrongly.
        if mode is schemathesis.GenerationMode.POSITIVE or any(each["in"] == "query" for each in parameters):
            _examine(operation, mode)


def test_every_path_keeps_to_the_document_behind_keys(
    guarded_operations: tuple[list[schemathesis.APIOperation[Any, Any, Any, Any]], dict[str, str]],
) -> None:
    """With keys the same holds, and no path that documents the need of one answers without or with a wrong one."""
    operations, headers = guarded_operations
    for operation in operations:
        _examine(operation, schemathesis.GenerationMode.POSITIVE, examples=1, headers=headers)


def _examine(
    operation: schemathesis.APIOperation[Any, Any, Any, Any],
    mode: schemathesis.GenerationMode,
    *,
    examples: int = _EXAMPLES,
    headers: dict[str, str] | None = None,
) -> None:
    examined: Any = operation

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=(HealthCheck.filter_too_much, HealthCheck.too_slow),
    )
    @given(case=examined.as_strategy(generation_mode=mode))
    def examine(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(excluded_checks=_NOT_PROMISED, headers=headers)

    examine()
