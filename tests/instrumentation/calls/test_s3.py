"""boto3 against a real S3 server: bytes, identity across s3transfer's threads, and untouched failures."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

import spanledger
from spanledger.calls.s3 import instrument, uninstrument
from spanledger.guard import losses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client

    from tests.instrumentation.recorder import Recorder

MEBIBYTE = 1024**2


def answer_nothing(*_: object) -> dict[str, object]:
    """What a client gets instead of a request to the real Cloudflare."""
    return {}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A running S3 with one bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> S3Client:
    """A client of it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="media")
    return client


def test_put_object_is_charged_by_its_bytes(recorder: Recorder, s3: S3Client) -> None:
    """One mebibyte costs 0.01 / 1024, with bucket, key and size; other calls cost nothing."""
    with spanledger.execution("task", user_id="user-1"):
        s3.put_object(Bucket="media", Key="a/é.jpg", Body=b"x" * MEBIBYTE)
        s3.head_object(Bucket="media", Key="a/é.jpg")
        s3.get_object(Bucket="media", Key="a/é.jpg")["Body"].read()

    record = recorder.cost()
    assert (record["cost.service"], record["cost.operation"]) == ("s3", "upload")
    assert (record["cost.quantity"], record["cost.unit"]) == ("1", "MB")
    assert record["cost.total_cost"] == "0.000009765625"
    assert record["cost.metadata.bucket"] == "media"
    assert record["cost.metadata.key"] == "a/é.jpg"
    assert record["cost.metadata.bytes"] == MEBIBYTE
    assert record["user.id"] == "user-1"
    assert "cost.metadata.provider" not in record


@pytest.mark.parametrize(
    ("body", "size"),
    [("é", 2), (b"", 0), (bytearray(b"abc"), 3), (io.BytesIO(b"abcdef"), 6)],
    ids=["text", "empty", "bytearray", "file"],
)
def test_every_kind_of_body_has_its_size(recorder: Recorder, s3: S3Client, body: Any, size: int) -> None:  # noqa: ANN401
    """Bytes as they are sent: encoded text, and a file from where it stands."""
    s3.put_object(Bucket="media", Key="body", Body=body)

    assert recorder.cost()["cost.metadata.bytes"] == size
    assert s3.head_object(Bucket="media", Key="body")["ContentLength"] == size


def test_a_file_is_charged_from_where_it_stands(recorder: Recorder, s3: S3Client) -> None:
    """What was read before is not sent, and the position is the client's to move."""
    body = io.BytesIO(b"header-payload")
    body.seek(7)
    s3.put_object(Bucket="media", Key="body", Body=body)

    assert recorder.cost()["cost.metadata.bytes"] == 7


def test_a_small_upload_file_belongs_to_its_caller(recorder: Recorder, s3: S3Client, tmp_path: Path) -> None:
    """boto3 sends it from a thread of s3transfer; identity and trace are the caller's."""
    path = tmp_path / "small"
    path.write_bytes(b"x" * 1000)
    with spanledger.execution("task", user_id="user-1"), spanledger.step("save") as step:
        s3.upload_file(str(path), "media", "small")

    record = recorder.cost()
    upload = recorder.span("S3.PutObject")
    assert (record["user.id"], record["step.name"], record["cost.metadata.bytes"]) == ("user-1", "save", 1000)
    assert upload.parent is not None
    assert upload.parent.span_id == step.get_span_context().span_id


@pytest.mark.parametrize("use_threads", [True, False])
def test_a_multipart_upload_is_charged_by_its_parts(recorder: Recorder, s3: S3Client, *, use_threads: bool) -> None:
    """The parts add up to the object, each with the caller's identity."""
    size = 12 * MEBIBYTE + 5
    config = TransferConfig(multipart_threshold=5 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE, use_threads=use_threads)
    with spanledger.execution("task", user_id="user-1"):
        s3.upload_fileobj(io.BytesIO(b"x" * size), "media", "large", Config=config)

    records = recorder.costs()
    assert [record["cost.operation"] for record in records] == ["upload"] * 3
    assert {record["user.id"] for record in records} == {"user-1"}
    assert sum(int(str(record["cost.metadata.bytes"])) for record in records) == size
    total = sum(Decimal(str(record["cost.total_cost"])) for record in records)
    assert abs(total - Decimal(size) / 1024**3 / 100) < Decimal("2e-12")
    assert s3.head_object(Bucket="media", Key="large")["ContentLength"] == size


def test_two_callers_threads_do_not_mix(recorder: Recorder, s3: S3Client) -> None:
    """Uploads of one user after the other each keep their own."""
    for user in ("user-1", "user-2"):
        with spanledger.execution("task", user_id=user):
            s3.upload_fileobj(io.BytesIO(user.encode()), "media", user)

    assert [(record["user.id"], record["cost.metadata.key"]) for record in recorder.costs()] == [
        ("user-1", "user-1"),
        ("user-2", "user-2"),
    ]


def test_a_failed_upload_raises_boto3s_error_and_costs_nothing(recorder: Recorder, s3: S3Client) -> None:
    """The exception is the client's own; the span says failed and is no cost record."""
    with pytest.raises(ClientError) as raised:
        s3.put_object(Bucket="nowhere", Key="a", Body=b"abc")

    assert raised.value.response.get("Error", {}).get("Code") == "NoSuchBucket"
    assert recorder.costs() == []
    assert not recorder.span("S3.PutObject").status.is_ok


def test_r2_is_named_as_the_provider(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint under Cloudflare's domain is R2."""
    uninstrument()
    monkeypatch.setattr(BaseClient, "_make_api_call", answer_nothing)
    instrument()
    client = boto3.client(
        "s3",
        endpoint_url="https://account.r2.cloudflarestorage.com",
        region_name="auto",
        aws_access_key_id="id",
        aws_secret_access_key="key",  # noqa: S106 - not a secret
    )
    client.put_object(Bucket="media", Key="a", Body=b"x" * MEBIBYTE)
    uninstrument()
    monkeypatch.undo()
    instrument()

    record = recorder.cost()
    assert record["cost.metadata.provider"] == "r2"
    assert str(record["cost.price_id"]).startswith("s3/r2/")


def test_a_hook_that_raises_leaves_the_upload_alone(
    recorder: Recorder, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where measuring fails, the object is stored all the same, and the failure is counted."""

    def fail(parameters: object) -> None:
        raise RuntimeError(parameters)

    before = losses().get("s3.request", 0)
    monkeypatch.setattr("spanledger.calls.s3._body_size", fail)
    s3.put_object(Bucket="media", Key="hook", Body=b"abc")

    assert s3.head_object(Bucket="media", Key="hook")["ContentLength"] == 3
    assert recorder.costs() == []
    assert losses()["s3.request"] == before + 1


def test_metering_can_be_taken_off(recorder: Recorder, s3: S3Client) -> None:
    """Without the patches there is no record, and putting them on twice charges once."""
    uninstrument()
    s3.put_object(Bucket="media", Key="a", Body=b"abc")
    assert recorder.costs() == []

    instrument()
    instrument()
    s3.put_object(Bucket="media", Key="a", Body=b"abc")
    assert len(recorder.costs()) == 1
