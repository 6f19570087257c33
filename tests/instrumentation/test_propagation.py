"""Identity between services: to own ones in baggage, to others not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.propagate import inject

import spanledger
from spanledger import propagation
from spanledger.identity import Identity, current_identity, with_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.instrumentation.recorder import Recorder

OWN = "http://render.internal/jobs"


@pytest.fixture(autouse=True)
def _own() -> Iterator[None]:
    propagation.own_hosts(["render.internal", ".example.com", "10.0.0.7"])
    yield
    propagation.own_hosts([])


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://render.internal/jobs", True),
        ("https://RENDER.internal:8443", True),
        ("http://render.internal./", True),
        ("http://10.0.0.7:1", True),
        ("https://a.b.example.com", True),
        ("https://example.com", True),
        ("https://badexample.com", False),
        ("https://example.com.evil.net", False),
        ("https://evil.net/?render.internal", False),
        ("https://render.internal@evil.net/", False),
        ("https://api.openai.com/v1", False),
        ("http://[half", False),
        ("", False),
    ],
)
def test_only_configured_hosts_are_own(url: str, *, own: bool) -> None:
    """The host decides, whole and in any capitals; what only looks like it is a third party."""
    assert propagation.is_own(url) is own


@pytest.mark.usefixtures("recorder")
def test_a_third_party_is_told_nothing() -> None:
    """Neither by our headers nor by anybody's propagator, who pays."""
    with spanledger.execution("task", user_id="user-1", execution_id="execution-1"), spanledger.prompt("a", "b"):
        carried: dict[str, str] = {}
        inject(carried)

        assert propagation.headers_for("https://api.openai.com/v1") == {}
        assert "baggage" not in carried
        assert "user-1" not in str(carried)


def test_the_next_service_works_for_the_same_user(recorder: Recorder) -> None:
    """Every part of the identity and the trace arrive; two processes with one execution id are one execution."""
    with (
        spanledger.execution("task", user_id="使用者 1", execution_id="execution-1"),
        spanledger.step("render") as step,
        spanledger.prompt("video", "cut, please=now;"),
    ):
        headers = propagation.headers_for(OWN)
        told = current_identity()
    with propagation.received({name.upper(): value for name, value in headers.items()}) as identity:
        trace.get_tracer("test").start_span("remote").end()

    assert identity == told
    assert headers.keys() == {"traceparent", "baggage"}
    remote = recorder.span("remote")
    assert recorder.attributes("remote")["user.id"] == "使用者 1"
    assert remote.parent is not None
    assert remote.parent.span_id == step.get_span_context().span_id
    assert current_identity().user_id is None


@given(st.dictionaries(st.sampled_from(["user_id", "execution_id", "step_name"]), st.text(max_size=80)))
def test_any_text_arrives_as_it_was(parts: dict[str, str]) -> None:
    """Whatever ids look like, except that surrounding blanks and what UTF-8 cannot carry are not kept."""
    stripped = {name: value.strip().encode("utf-8", "replace").decode() for name, value in parts.items()}
    token = attach(with_identity(Identity(**stripped)))
    try:
        headers = propagation.headers_for(OWN)
    finally:
        detach(token)
    with propagation.received(headers) as identity:
        assert identity == Identity(**stripped)


@pytest.mark.parametrize(
    "headers",
    [{}, {"baggage": "garbage"}, {"baggage": "user.id"}, {"baggage": "other=1"}, {"baggage": "x" * 10_000}],
)
def test_headers_that_say_nothing_change_nothing(headers: dict[str, str], recorder: Recorder) -> None:
    """The surrounding execution stays."""
    with spanledger.execution("task", user_id="user-1"), propagation.received(headers) as identity:
        assert identity.user_id == "user-1"
    assert recorder.attributes("execution task")["user.id"] == "user-1"


def test_a_part_that_is_too_long_is_left_out() -> None:
    """The header stays within what servers take."""
    with spanledger.execution("task", user_id="x" * 10_000, execution_id="1"):
        headers = propagation.headers_for(OWN)

    assert "user.id" not in headers["baggage"]
    assert "execution.id=1" in headers["baggage"]


def test_an_asgi_application_works_for_the_sender() -> None:
    """While it serves the request; other kinds of connections pass."""
    seen: list[str | None] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        del scope, receive, send
        seen.append(current_identity().user_id)

    async def main() -> None:
        served = propagation.AsgiMiddleware(app)
        headers = [(b"Baggage", b"user.id=user-1")]
        await served({"type": "http", "headers": headers}, None, None)
        await served({"type": "lifespan"}, None, None)

    asyncio.run(main())
    assert seen == ["user-1", None]


def test_a_wsgi_application_works_for_the_sender() -> None:
    """While it answers and while its body is read, but not in between."""
    closed: list[str | None] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield str(current_identity().user_id).encode()

        def close(self) -> None:
            closed.append(current_identity().user_id)

    def app(environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:  # noqa: ANN401 - WSGI's
        del environ
        start_response(f"200 {current_identity().user_id}", [])
        return Body()

    started: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        del headers
        started.append(status)

    body = propagation.WsgiMiddleware(app)({"HTTP_BAGGAGE": "user.id=user-1"}, start_response)

    assert current_identity().user_id is None
    assert list(body) == [b"user-1"]
    body.close()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - as servers do
    assert started == ["200 user-1"]
    assert closed == ["user-1"]
