"""The other ports ask for the same keys: OTLP over HTTP and gRPC, and ClickHouse's protocol, with TLS too."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from typing import TYPE_CHECKING

import clickhouse_connect
import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from spanledger.exceptions import ConfigurationError
from spanledger_api.access import Role, RowScope
from spanledger_api.access.gate import Gate, open_gate
from spanledger_api.access.key_ring import KeyRing
from spanledger_api.access.keys import NewKey, issue_key
from spanledger_api.access.principal import ScopeKind
from spanledger_api.access.request_limits import RequestLimits
from spanledger_api.app import create_app
from spanledger_api.http_server import HttpServer
from spanledger_api.serving import serve_clickhouse, serve_collector
from spanledger_api.tls import Certificate, certificate_from_files
from tests.api.access.certificates import write_certificate
from tests.api.access.conftest import bearer
from tests.collector.otlp_requests import paid, request_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spanledger_clickhouse.ledger import Ledger

_PROTOBUF = {"Content-Type": "application/x-protobuf"}
_KEYS = {
    "ingest": (Role.INGEST, None),
    "read": (Role.READ, None),
    "bound": (Role.READ, RowScope(ScopeKind.USER_ID, "u")),
    "admin": (Role.ADMIN, None),
}


@pytest.fixture
def keys(ledger: Ledger) -> dict[str, str]:
    """A key of each kind."""
    return {
        name: issue_key(ledger, NewKey(name=name, role=role, scope=scope), "test")[0]
        for name, (role, scope) in _KEYS.items()
    } | {"wrong": "sl_wrong", "none": ""}


@pytest.fixture
def ports(ledger: Ledger, keys: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """The ports behind a gate, on free ports of loopback."""
    assert keys
    with ExitStack() as running:
        gate = running.enter_context(Gate(KeyRing(ledger), limits=RequestLimits(1000, failures=1000)))
        served = serve_collector(running, ledger, "127.0.0.1", 0, 0, tmp_path, gate=gate)
        yield {**served, "clickhouse": serve_clickhouse(running, ledger, "127.0.0.1", 0, gate=gate)}


def _sent_over_http(address: str, key: str) -> int:
    headers = _PROTOBUF | (bearer(key) if key else {})
    answer = httpx.post(f"{address}/v1/traces", content=request_of(paid()).SerializeToString(), headers=headers)
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    return answer.status_code


def _sent_over_grpc(channel: grpc.Channel, key: str) -> grpc.StatusCode:
    metadata = (("authorization", f"Bearer {key}"),) if key else ()
    try:
        export = channel.unary_unary(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            request_serializer=ExportTraceServiceRequest.SerializeToString,
            response_deserializer=ExportTraceServiceResponse.FromString,
        )
        export(request_of(paid()), metadata=metadata, timeout=20)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def test_who_may_send(ports: dict[str, str], keys: dict[str, str]) -> None:
    """Keys of role ingest and admin may send by both protocols, others are told that they may not, and never again."""
    expected = {"ingest": 200, "admin": 200, "read": 403, "bound": 403, "wrong": 401, "none": 401}
    codes = {200: grpc.StatusCode.OK, 403: grpc.StatusCode.PERMISSION_DENIED, 401: grpc.StatusCode.UNAUTHENTICATED}

    over_http = {name: _sent_over_http(ports["otlp_http"], key) for name, key in keys.items()}
    with grpc.insecure_channel(ports["otlp_grpc"]) as channel:
        over_grpc = {name: _sent_over_grpc(channel, key) for name, key in keys.items()}

    assert over_http == expected
    assert over_grpc == {name: codes[status] for name, status in expected.items()}


def test_who_may_see_the_collectors_counters(ports: dict[str, str], keys: dict[str, str]) -> None:
    """Counters take a key that reads everything; the probe takes none. What was refused is counted."""
    address = ports["otlp_http"]
    _sent_over_http(address, "sl_wrong")
    _sent_over_http(address, keys["read"])

    seen = {name: httpx.get(f"{address}/metrics", headers=bearer(key)).status_code for name, key in keys.items()}

    assert seen == {"ingest": 403, "admin": 200, "read": 200, "bound": 403, "wrong": 401, "none": 401}
    assert httpx.get(f"{address}/healthz").status_code == 200
    counted = httpx.get(f"{address}/metrics", headers=bearer(keys["read"])).text
    assert 'requests_refused_total{reason="unauthenticated"} 1.0' in counted
    assert 'requests_refused_total{reason="forbidden"} 1.0' in counted


def test_who_may_ask_in_sql(ports: dict[str, str], keys: dict[str, str]) -> None:
    """Read and admin may read, ingest and admin may insert spans, and a bound key may do nothing, by every way."""
    insert = "INSERT INTO otel_traces (SpanName) FORMAT CSV\nx\n"

    def code(key: str, statement: str) -> str:
        answer = httpx.post(ports["clickhouse"], content=statement, headers={"X-ClickHouse-Key": key})
        return str(answer.headers.get("x-clickhouse-exception-code", "ok"))

    read = {name: code(key, "SELECT 1") for name, key in keys.items()}
    written = {name: code(key, insert) for name, key in keys.items()}

    refused = dict.fromkeys(("bound", "wrong", "none"), "516")
    assert read == {"ingest": "497", "read": "ok", "admin": "ok", **refused}
    assert written == {"ingest": "ok", "read": "497", "admin": "ok", **refused}
    asked = {"query": "SELECT 1"}
    key, address = keys["read"], ports["clickhouse"]
    assert httpx.get(address, params=asked, auth=("whoever", key)).text == "1\n"
    assert httpx.get(address, params=asked, headers=bearer(key)).text == "1\n"
    assert httpx.get(address, params={**asked, "user": "default", "password": key}).text == "1\n"


def test_an_administrator_inserts_nothing_but_spans(ports: dict[str, str], keys: dict[str, str]) -> None:
    """No key opens the tables of keys, of the log, or any other to SQL."""
    for statement in (
        "SELECT * FROM access_keys",
        "SELECT * FROM access_keys_local",
        "SELECT * FROM audit_log",
        "INSERT INTO access_keys_local FORMAT CSV\n1",
        "INSERT INTO audit_log_local FORMAT CSV\n1",
        "DROP TABLE otel_traces",
    ):
        answer = httpx.post(ports["clickhouse"], content=statement, headers={"X-ClickHouse-Key": keys["admin"]})
        assert answer.status_code >= 400, statement


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_without_keys_pages_send_nothing(ledger: Ledger, tmp_path: Path, headers: dict[str, str]) -> None:
    """While there are no keys this machine sends freely, and the page of a site that its browser shows does not."""
    with ExitStack() as running:
        gate = running.enter_context(Gate(KeyRing(ledger)))
        address = serve_collector(running, ledger, "127.0.0.1", 0, 0, tmp_path, gate=gate)["otlp_http"]
        body = request_of(paid()).SerializeToString()
        assert httpx.post(f"{address}/v1/traces", content=body, headers=_PROTOBUF).status_code == 200
        assert httpx.post(f"{address}/v1/traces", content=body, headers=_PROTOBUF | headers).status_code == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])  # noqa: S104 - refused, never bound
def test_other_machines_need_keys(ledger: Ledger, tmp_path: Path, host: str) -> None:
    """Without keys no port but loopback's opens, and the error names every way out; with a key it may."""
    with ExitStack() as running:
        gate = open_gate(ledger, {})
        with pytest.raises(ConfigurationError, match=r"keys create.*--create-admin-key.*SPANLEDGER_ADMIN_KEY"):
            serve_collector(running, ledger, host, 0, 0, tmp_path, gate=gate)
        with pytest.raises(ConfigurationError, match="keys create"):
            serve_clickhouse(running, ledger, host, 0, gate=gate)
        with pytest.raises(ConfigurationError, match="no keys"):
            serve_collector(running, ledger, host, 0, 0, tmp_path)
    open_gate(ledger, {"SPANLEDGER_ADMIN_KEY": "x" * 32}).require_closed(host)
    for local in ("127.0.0.1", "localhost", "::1", "127.0.0.5"):
        gate.require_closed(local)


def test_keys_of_the_environment(ledger: Ledger) -> None:
    """A container brings its first keys along; a short one could be guessed and is refused."""
    gate = open_gate(ledger, {"SPANLEDGER_ADMIN_KEY": "a" * 32, "SPANLEDGER_INGEST_KEY": "i" * 32})

    assert gate.identify("a" * 32, "", "api").role is Role.ADMIN
    assert gate.identify("i" * 32, "", "otlp").role is Role.INGEST
    with pytest.raises(ConfigurationError, match="SPANLEDGER_ADMIN_KEY is shorter"):
        open_gate(ledger, {"SPANLEDGER_ADMIN_KEY": "secret"})
    with pytest.raises(ConfigurationError, match="SPANLEDGER_REQUESTS_PER_MINUTE"):
        open_gate(ledger, {"SPANLEDGER_REQUESTS_PER_MINUTE": "many"})


def test_every_port_speaks_tls(ledger: Ledger, keys: dict[str, str], tmp_path: Path) -> None:
    """Real clients that trust the certificate reach all four; a changed one holds from the next connection on."""
    first = write_certificate(tmp_path)
    certificate = Certificate(*first)
    with ExitStack() as running:
        gate = running.enter_context(Gate(KeyRing(ledger)))
        api = running.enter_context(HttpServer(create_app(ledger, gate=gate), "127.0.0.1", 0, certificate))
        served = serve_collector(running, ledger, "127.0.0.1", 0, 0, tmp_path / "c", gate=gate, certificate=certificate)
        sql = serve_clickhouse(running, ledger, "127.0.0.1", 0, gate=gate, certificate=certificate)
        for _ in range(2):
            _ask_all({**served, "api": api.url, "clickhouse": sql}, first[0], keys["admin"])
            write_certificate(tmp_path)


def _ask_all(ports: dict[str, str], trusted: Path, key: str) -> None:
    with httpx.Client(verify=_context(trusted), headers=bearer(key)) as client:
        session = client.get(f"{ports['api']}/api/session")
        assert (session.json()["role"], session.headers["strict-transport-security"][:7]) == ("admin", "max-age")
        body = request_of(paid()).SerializeToString()
        assert client.post(f"{ports['otlp_http']}/v1/traces", content=body, headers=_PROTOBUF).status_code == 200
        with pytest.raises(httpx.HTTPError):
            client.get(ports["api"].replace("https", "http"))
    credentials = grpc.ssl_channel_credentials(trusted.read_bytes())
    with grpc.secure_channel(ports["otlp_grpc"], credentials) as channel:
        assert _sent_over_grpc(channel, key) is grpc.StatusCode.OK
    host, _, port = ports["clickhouse"].removeprefix("https://").partition(":")
    analyst = clickhouse_connect.get_client(
        interface="https", host=host, port=int(port), password=key, ca_cert=str(trusted), autogenerate_session_id=False
    )
    assert analyst.query("SELECT 1").result_rows == [(1,)]
    analyst.close()


def test_a_certificate_that_cannot_be_used(tmp_path: Path) -> None:
    """Files that are missing, alone or no certificates are named at the start; a broken renewal keeps the old one."""
    certificate, key = write_certificate(tmp_path)
    with pytest.raises(ConfigurationError, match="--tls-cert and --tls-key"):
        certificate_from_files(certificate, None)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        certificate_from_files(tmp_path / "absent.pem", key)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        certificate_from_files(key, key)
    assert certificate_from_files(None, None) is None


def test_a_broken_renewal_keeps_the_old_certificate(ledger: Ledger, tmp_path: Path) -> None:
    """While the new files cannot be read connections go on with the old ones."""
    certificate, key = write_certificate(tmp_path)
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(certificate.read_bytes())
    with HttpServer(create_app(ledger), "127.0.0.1", 0, Certificate(certificate, key)) as server:
        certificate.write_text("half a certif")
        assert httpx.get(f"{server.url}/healthz", verify=_context(trusted)).status_code == 200


def _context(trusted: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(trusted))
