"""Prompts in files, run against OpenAI, with their cost."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import openai
import pytest

from spanledger import PromptManager
from spanledger.exceptions import PromptError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.instrumentation.loopback import Loopback
    from tests.instrumentation.recorder import Recorder


@pytest.fixture
def client(loopback: Loopback) -> Iterator[openai.OpenAI]:
    """A synchronous client of the fake."""
    with openai.OpenAI(api_key="key", base_url=f"{loopback.url}/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """A directory with a few prompts."""
    folder = tmp_path / "video_selection"
    folder.mkdir()
    (folder / "segment_select.toml").write_text('prompt = "Pick {{count}} of {{ segments }}."\n')
    (folder / "cheap.toml").write_text('prompt = "Hi"\nmodel = "gpt-3.5-turbo"\ntemperature = 0\n')
    (folder / "silent.toml").write_text('prompt = "Hi"\nmodel = "usage-free"\n')
    (folder / "numbered.toml").write_text("prompt = 7\n")
    (folder / "broken.toml").write_text("prompt = \n")
    return tmp_path


def test_a_prompt_is_run_priced_and_booked(recorder: Recorder, client: openai.OpenAI, prompts: Path) -> None:
    """Response, cost and duration come back; the ledger has the same amount under the prompt's name."""
    manager = PromptManager(prompts, client)
    response, cost, duration = manager.execute_prompt(
        "video_selection", "segment_select", {"count": 2, "segments": "{{count}}", "more": "is fine"}
    )

    record = recorder.cost()
    assert response.choices[0].message.content == "hello"
    assert cost == Decimal("0.06")
    assert duration > 0
    assert record["cost.total_cost"] == "0.06"
    assert record["cost.operation"] == "gpt-4_video_selection_segment_select"


def test_a_prompt_may_name_its_model(recorder: Recorder, client: openai.OpenAI, prompts: Path) -> None:
    """gpt-3.5-turbo costs 0.0025 for the same tokens, temperature 0 being a temperature."""
    result = PromptManager(prompts, client).execute_prompt("video_selection", "cheap", {})

    assert result.cost == Decimal("0.0025")
    assert recorder.cost()["gen_ai.request.temperature"] == 0


def test_an_answer_without_usage_has_no_cost(recorder: Recorder, client: openai.OpenAI, prompts: Path) -> None:
    """None is not known; it is never 0 instead."""
    assert PromptManager(prompts, client).execute_prompt("video_selection", "silent", {}).cost is None
    assert recorder.cost()["cost.source"] == "unpriced"


def test_an_asynchronous_run_is_the_same(recorder: Recorder, loopback: Loopback, prompts: Path) -> None:
    """The prompt's name is on the asynchronous call too."""

    async def main() -> Decimal | None:
        async with openai.AsyncOpenAI(api_key="key", base_url=f"{loopback.url}/v1") as client:
            manager = PromptManager(prompts, client)
            return (await manager.aexecute_prompt("video_selection", "cheap", {})).cost

    assert asyncio.run(main()) == Decimal("0.0025")
    assert recorder.cost()["cost.operation"] == "gpt-3.5-turbo_video_selection_cheap"


@pytest.mark.parametrize(
    ("category", "name", "problem"),
    [
        ("video_selection", "segment_select", "the prompt needs count, segments; given: nothing"),
        ("video_selection", "absent", "there is no prompt"),
        ("video_selection", "broken", "cannot be read"),
        ("video_selection", "numbered", "needs a text 'prompt'"),
        ("..", "segment_select", "is no name of a prompt"),
        ("video_selection", "../video_selection/cheap", "is no name of a prompt"),
    ],
)
def test_what_is_wrong_with_a_prompt_is_said(
    client: openai.OpenAI, prompts: Path, category: str, name: str, problem: str
) -> None:
    """The message names what is missing; nothing outside the directory can be read, and nothing is sent."""
    with pytest.raises(PromptError, match=problem):
        PromptManager(prompts, client).execute_prompt(category, name, {})


def test_a_client_of_the_other_kind_is_refused(loopback: Loopback, client: openai.OpenAI, prompts: Path) -> None:
    """The message names the method to call instead."""
    asynchronous = openai.AsyncOpenAI(api_key="key", base_url=f"{loopback.url}/v1")
    with pytest.raises(PromptError, match="await aexecute_prompt"):
        PromptManager(prompts, asynchronous).execute_prompt("video_selection", "cheap", {})
    with pytest.raises(PromptError, match="call execute_prompt"):
        asyncio.run(PromptManager(prompts, client).aexecute_prompt("video_selection", "cheap", {}))


def test_a_client_is_made_when_it_is_needed(
    recorder: Recorder, loopback: Loopback, prompts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one, the environment of the OpenAI library says where to go."""
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{loopback.url}/v1")
    manager = PromptManager(str(prompts))

    assert manager.execute_prompt("video_selection", "cheap", {}).cost == Decimal("0.0025")
    assert len(recorder.costs()) == 1
