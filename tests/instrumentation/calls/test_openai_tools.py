"""Fees of the Responses API's built-in tools, from what its answers say of them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

import spanledger
from spanledger import testing
from spanledger.calls import openai_results, openai_tools
from spanledger.calls.outcomes import Outcomes
from tests.instrumentation.openai_service import scenario

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import openai

    from tests.instrumentation.recorder import Recorder

Json: TypeAlias = dict[str, Any]

SEARCHED: Json = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
OPENED: Json = SEARCHED | {"action": {"type": "open_page", "url": "https://example.com"}}
FAILED: Json = SEARCHED | {"status": "failed"}
FILES: Json = {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["ledger"]}
DRAWN: Json = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": None}
CALLED: Json = {"type": "function_call", "id": "f", "call_id": "f_1", "name": "f", "arguments": "{}"}
RAN: Json = {"type": "code_interpreter_call", "id": "ci", "status": "completed", "container_id": "cntr_1", "code": "1"}
AUTO: Json = {"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "4g"}}


@pytest.fixture(autouse=True)
def _new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has been charged yet."""
    openai_results.forget()
    monkeypatch.setattr(openai_tools, "_CONTAINERS", Outcomes("openai_containers"))


def respond(client: Any, *output: Json, tools: tuple[Json, ...] = (), **more: Any) -> Any:  # noqa: ANN401 - whatever a call takes and returns
    """Ask for a response that tells of these tools."""
    wished = scenario(output=output, tools=tools, tier=more.pop("tier", "default"))
    asked: Json = {"model": "gpt-4", "input": "hello", "extra_headers": wished, **more}
    return client.responses.create(**asked)


def by_service(recorder: Recorder) -> dict[object, Mapping[str, object]]:
    """The records, one a service."""
    records = recorder.costs()
    services = [record["cost.service"] for record in records]
    assert len(services) == len(set(services))
    return dict(zip(services, records, strict=True))


@pytest.mark.parametrize(
    ("output", "tools", "model", "total", "row"),
    [
        ([SEARCHED, SEARCHED], ["web_search"], "gpt-4", "0.08", "openai/openai/web_search/2026-02-07"),
        ([SEARCHED, OPENED, FAILED, CALLED], ["web_search"], "gpt-4", "0.07", "openai/openai/web_search/2026-02-07"),
        ([SEARCHED], ["web_search_preview"], "gpt-4", "0.07", "openai/openai/web_search_preview/2026-02-07"),
        (
            [SEARCHED],
            ["web_search_preview_2025_03_11"],
            "gpt-4o",
            "0.0325",
            "openai/openai/web_search_preview_non_reasoning/2026-02-07",
        ),
        ([FILES], ["file_search"], "gpt-4", "0.0625", "openai/openai/file_search/2025-03-11"),
        ([CALLED], [], "gpt-4", "0.06", "openai/gpt-4/2023-03-14"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_calls_of_a_tool_are_on_the_record_of_the_answer(  # noqa: PLR0913, PLR0917 - one argument a column
    recorder: Recorder,
    paid: openai.OpenAI,
    output: list[Json],
    tools: list[str],
    model: str,
    total: str,
    row: str,
    *,
    stream: bool,
) -> None:
    """One call, one record: its total holds the tokens and every fee, its price id all rows."""
    answer: Any = respond(paid, *output, tools=tuple({"type": tool} for tool in tools), model=model, stream=stream)
    if stream:
        list(answer)

    record = recorder.cost()
    assert (record["cost.total_cost"], record["cost.source"]) == (total, "price_book")
    assert str(record["cost.price_id"]).endswith(row)
    assert record["cost.quantity"] == "1500"


def test_a_tier_does_not_change_a_fee(recorder: Recorder, paid: openai.OpenAI) -> None:
    """Only the tokens cost half."""
    respond(paid, FILES, tools=({"type": "file_search"},), tier="flex")

    assert recorder.cost()["cost.total_cost"] == "0.0325"
    assert recorder.cost()["cost.metadata.file_search_calls"] == 1


def test_a_tool_that_nothing_prices_leaves_the_call_unpriced(recorder: Recorder, paid: openai.OpenAI) -> None:
    """With the reason, and with what is known of the amount."""
    respond(paid, DRAWN, tools=({"type": "image_generation"},))

    record = recorder.cost()
    assert record["cost.source"] == "unpriced"
    assert "cost.total_cost" not in record
    assert record["cost.reason"] == (
        "nothing prices the tool image_generation of openai on that day; the tokens alone cost 0.06 USD"
    )


def test_a_container_is_one_record_however_many_answers_tell_of_it(recorder: Recorder, paid: openai.OpenAI) -> None:
    """Its fee is unknown, and says why; the answer's own record is not touched by it."""
    with spanledger.execution("task", user_id="user-1"):
        respond(paid, RAN, RAN, tools=(AUTO,))
    with spanledger.execution("task", user_id="user-2"):
        paid.responses.create(model="gpt-3.5-turbo", input="hi", extra_headers=scenario(output=[RAN], tools=[AUTO]))

    containers = [record for record in recorder.costs() if record["cost.service"] == "openai_containers"]
    assert [record["cost.total_cost"] for record in recorder.costs() if record["cost.service"] == "openai"] == [
        "0.06",
        "0.0025",
    ]
    [container] = containers
    assert (container["cost.source"], container["user.id"]) == ("unpriced", "user-1")
    assert container["cost.reason"] == "a container is paid by the minute, and the answer does not say how long it ran"
    assert (container["cost.metadata.container_id"], container["cost.metadata.memory"]) == ("cntr_1", "4g")


def test_another_process_makes_the_same_record_of_a_container(
    recorder: Recorder, paid: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ids come from the container's."""
    for _ in range(2):
        monkeypatch.setattr(openai_tools, "_CONTAINERS", Outcomes("openai_containers"))
        respond(paid, RAN, tools=({"type": "code_interpreter", "container": "cntr_1"},))

    first, second = [span for span in recorder.spans() if span.name == "openai.container"]
    assert first.get_span_context() == second.get_span_context()


@pytest.mark.usefixtures("recorder")
def test_an_own_row_prices_a_container(paid: openai.OpenAI, tmp_path: Path) -> None:
    """Who pays by the session says so in a price file."""
    prices = tmp_path / "own.toml"
    prices.write_text(
        '[[price]]\nid = "containers/2026-01-01"\nservice = "openai_containers"\nmodel = "container_4g"\n'
        'effective_from = 2026-01-01\nsource = "https://example.com/contract"\nshown_in = "requests"\n'
        '[price.meters]\nrequests = { price = "0.12", per = "1", unit = "requests" }\n'
    )
    with testing.ledger(prices=prices) as ledger:
        respond(paid, RAN, tools=(AUTO,))
    assert ledger.total(service="openai_containers") == Decimal("0.12")


def test_a_response_made_in_the_background_pays_its_tools_too(recorder: Recorder, paid: openai.OpenAI) -> None:
    """When it is retrieved."""
    wished = scenario(output=[FILES, RAN], tools=[{"type": "file_search"}, AUTO])
    paid.responses.retrieve("resp_bg", extra_headers=wished)

    assert by_service(recorder)["openai"]["cost.total_cost"] == "0.0625"
    assert "openai_containers" in by_service(recorder)
