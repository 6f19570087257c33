"""Cloudflare Stream through httpx and httpx2, against a real server: one record for each video, to whom it is due."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

import spanledger
from spanledger.calls import cloudflare_stream
from spanledger.calls.outcomes import Outcomes

if TYPE_CHECKING:
    from tests.instrumentation.calls.delivery import Delivery
    from tests.instrumentation.recorder import Recorder

Library: TypeAlias = Any
"""httpx or httpx2: the same names, unrelated types."""


def test_a_video_is_charged_once_its_duration_is_known(
    delivered: Recorder, delivery: Delivery, library: Library
) -> None:
    """A copy has no duration yet; polls until then leave no trace, and those after it no second record."""
    with library.Client() as client:
        with spanledger.execution("video_generation", user_id="user-1"):
            uid = client.post(f"{delivery.api}/copy", json={"url": "https://video.example"}).json()["result"]["uid"]
        assert delivered.costs() == []
        with spanledger.execution("video_generation", user_id="user-2"):
            states = [client.get(f"{delivery.api}/{uid}").json()["result"]["duration"] for _ in range(4)]

    assert states == [-1, 90.5, 90.5, 90.5]
    record = delivered.cost()
    assert (record["cost.service"], record["cost.operation"]) == ("cloudflare_stream", "render")
    assert (record["cost.quantity"], record["cost.unit"]) == ("90.5", "seconds")
    assert record["cost.total_cost"] == "0.008044444444"
    assert (record["user.id"], record["cost.metadata.uid"]) == ("user-1", uid)
    said = delivered.attributes("CloudflareStream.POST")
    assert (said["cost.metadata.state"], said["cost.metadata.uid"]) == ("pending", uid)
    video, posted = delivered.span("CloudflareStream.video"), delivered.span("CloudflareStream.POST")
    assert [link.context for link in video.links] == [posted.get_span_context()]
    assert (video.start_time, video.end_time) == (1_780_000_000_500_000_000, 1_780_000_020_000_000_000)


@pytest.mark.parametrize(("way", "names"), [("", 2), ("direct_upload", 2), ("tus", 2)])
def test_every_way_of_making_a_video_remembers_whose_it_is(
    delivered: Recorder, delivery: Delivery, library: Library, way: str, names: int
) -> None:
    """An upload that knows its duration at once, one from a browser, and a resumable one."""

    async def main() -> None:
        async with library.AsyncClient() as client:
            with spanledger.execution("video_generation", user_id="user-1"):
                answer = await client.post(f"{delivery.api}/{way}".rstrip("/"), content=b"video")
            uid = answer.headers.get("stream-media-id") or answer.json()["result"]["uid"]
            for _ in range(2):
                await client.get(f"{delivery.api}/{uid}")

    asyncio.run(main())
    assert delivered.cost()["user.id"] == "user-1"
    assert len([span for span in delivered.spans() if span.name.startswith("CloudflareStream")]) == names


def test_another_process_makes_the_same_record(
    delivered: Recorder, delivery: Delivery, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is remembered, as in another process, ids and times are the same all the same."""
    with library.Client() as client, spanledger.execution("task", user_id="user-1"):
        uid = client.post(delivery.api, content=b"video").json()["result"]["uid"]
        monkeypatch.setattr(cloudflare_stream, "_OUTCOMES", Outcomes("cloudflare_stream"))
        for _ in range(2):
            client.get(f"{delivery.api}/{uid}")

    first, second = [span for span in delivered.spans() if span.name == "CloudflareStream.video"]
    assert first.get_span_context() == second.get_span_context()
    assert (first.start_time, first.end_time) == (second.start_time, second.end_time)
    assert [record["user.id"] for record in delivered.costs()] == ["user-1", "user-1"]


def test_answers_about_no_single_video_cost_nothing(delivered: Recorder, delivery: Delivery, library: Library) -> None:
    """Lists, what is not there, and an answer that is not read to its end."""
    with library.Client() as client:
        uid = client.post(f"{delivery.api}/copy").json()["result"]["uid"]
        client.get(delivery.api)
        assert client.get(f"{delivery.api}/nobody").status_code == 404
        client.get(f"{delivery.api}/{uid}")
        with client.stream("GET", f"{delivery.api}/{uid}") as response:
            assert response.status_code == 200

    assert delivered.costs() == []


def test_a_video_without_a_time_of_creation_starts_at_its_upload(
    delivered: Recorder, delivery: Delivery, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So two processes date it alike, on whatever days they read of it."""

    def answer(_: object) -> object:
        described = {"uid": "v-1", "duration": 90.5, "uploaded": "2026-06-01T00:00:00Z"}
        return library.Response(200, json={"result": described})

    for _ in range(2):
        monkeypatch.setattr(cloudflare_stream, "_OUTCOMES", Outcomes("cloudflare_stream"))
        with library.Client(transport=library.MockTransport(answer)) as client:
            client.get(f"{delivery.api}/v-1")

    starts = {span.start_time for span in delivered.spans() if span.name == "CloudflareStream.video"}
    assert starts == {1_780_272_000_000_000_000}
