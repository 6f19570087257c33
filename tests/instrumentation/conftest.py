"""An engine's surroundings: the configured pipeline, and the real services it talks to, on loopback."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from opentelemetry.context import Context, attach, detach

import spanledger
from spanledger import environment
from tests.instrumentation.loopback import Loopback
from tests.instrumentation.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _spool(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the engines here leave behind is not left in the state directory of whoever runs the tests."""
    os.environ[environment.SPOOL_DIR] = str(tmp_path_factory.mktemp("spool"))


@pytest.fixture(autouse=True)
def _nobodys_context() -> Iterator[None]:
    """Each test begins outside every span; what one leaves behind, by a defect that it makes, is gone."""
    token = attach(Context())
    yield
    detach(token)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A configured engine whose priced spans can be read."""
    recorder = Recorder()
    spanledger.configure("engine-under-test", exporter=recorder.exporter)
    yield recorder
    spanledger.shutdown()


@pytest.fixture(scope="session")
def loopback() -> Iterator[Loopback]:
    """The fake OpenAI and OTLP server."""
    server = Loopback()
    yield server
    server.close()
