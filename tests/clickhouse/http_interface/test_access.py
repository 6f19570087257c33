"""Who may do what, and how a request says who sends it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from spanledger.exceptions import ConfigurationError
from spanledger_api.http_server import HttpServer
from spanledger_api.serving import serve_clickhouse
from spanledger_clickhouse.http_interface import ClickHouseInterface, Credentials, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger


class _Keys:
    """Two users, one for each role."""

    def roles(self, credentials: Credentials) -> frozenset[Role]:
        """One role for each key."""
        known = {("analyst", "r"): Role.READ, ("collector", "w"): Role.INGEST}
        role = known.get((credentials.user, credentials.key))
        return frozenset({role} if role else ())


@pytest.fixture(scope="module")
def keyed(migrated_ledger: Ledger) -> Iterator[str]:
    """An interface that asks for keys."""
    with HttpServer(ClickHouseInterface(migrated_ledger, _Keys()), "127.0.0.1", 0) as server:
        yield server.url


def test_keys_by_every_way(keyed: str) -> None:
    """User and key come by basic authentication, by headers, or in the URL."""
    asked = {"query": "SELECT 1"}
    assert httpx.get(keyed, params=asked, auth=("analyst", "r")).text == "1\n"
    headers = {"x-clickhouse-user": "analyst", "x-clickhouse-key": "r"}
    assert httpx.get(keyed, params=asked, headers=headers).text == "1\n"
    assert httpx.get(keyed, params={**asked, "user": "analyst", "password": "r"}).text == "1\n"
    for wrong in (None, ("analyst", "x"), ("default", "")):
        answer = httpx.get(keyed, params=asked, auth=wrong)
        assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (403, "516")


def test_roles(keyed: str) -> None:
    """A reader cannot insert and a collector cannot read."""
    written = httpx.post(keyed, content="INSERT INTO otel_traces FORMAT CSV\n1", auth=("analyst", "r"))
    read = httpx.post(keyed, content="SELECT 1", auth=("collector", "w"))
    assert written.headers["x-clickhouse-exception-code"] == read.headers["x-clickhouse-exception-code"] == "497"


@pytest.mark.parametrize(
    "header", [{"origin": "http://a.example"}, {"sec-fetch-site": "cross-site"}, {"host": "a.example"}]
)
def test_pages_of_others_get_nothing(http: httpx.Client, header: dict[str, str]) -> None:
    """Without keys a browser's request for another page is refused, and so is a foreign host name."""
    assert http.post("/", content="SELECT 1", headers=header).status_code == 403


def test_other_machines_need_keys(migrated_ledger: Ledger) -> None:
    """Without somebody who asks for keys the port stays on loopback."""
    with ExitStack() as running:
        with pytest.raises(ConfigurationError, match="no keys"):
            serve_clickhouse(running, migrated_ledger, "0.0.0.0", 0)  # noqa: S104 - refused, never bound
        address = serve_clickhouse(running, migrated_ledger, "127.0.0.1", 0, _Keys())
        assert httpx.get(f"{address}/ping").text == "Ok.\n"
