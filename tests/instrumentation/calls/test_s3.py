"""boto3 against a real S3 server: bytes, identity across s3transfer's threads, and untouched failures."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError

import spanledger
from spanledger.calls import s3_storage
from spanledger.calls.s3 import instrument, uninstrument
from spanledger.guard import losses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from botocore.awsrequest import AWSPreparedRequest
    from mypy_boto3_s3.client import S3Client

    from tests.instrumentation.recorder import Recorder

MEBIBYTE = 1024**2


def answer_nothing(*_: object) -> dict[str, object]:
    """What a client gets instead of a request to the real Cloudflare."""
    return {}


def test_put_object_is_charged_by_its_bytes(recorder: Recorder, s3: S3Client) -> None:
    """One mebibyte costs 0.01 / 1024, with bucket, key, size and requests; other calls cost nothing."""
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
    assert (record["cost.metadata.bytes"], record["cost.metadata.requests"]) == (MEBIBYTE, 1)
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
    monkeypatch.setattr("spanledger.calls.s3_storage._body_size", fail)
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


class Generated:
    """A body that can only be read.

    Args:
        size: Bytes until its end.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, most: int = -1) -> bytes:
        """As files do."""
        size = self._left if most < 0 else min(most, self._left)
        self._left -= size
        return b"x" * size


def test_a_body_that_cannot_tell_its_length_is_counted_as_it_goes(
    recorder: Recorder, s3: S3Client, endpoint: str
) -> None:
    """It has no size beforehand; what the client read from it was stored."""
    config = Config(signature_version=UNSIGNED, request_checksum_calculation="when_required")
    client: Any = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", config=config)
    client.put_object(Bucket="media", Key="piped", Body=Generated(5000))

    assert recorder.cost()["cost.metadata.bytes"] == 5000
    assert s3.head_object(Bucket="media", Key="piped")["ContentLength"] == 5000


def test_an_aborted_upload_is_charged_by_the_parts_that_were_accepted(recorder: Recorder, s3: S3Client) -> None:
    """They were kept until it was aborted; the calls around them cost nothing, and a part that fails nothing."""
    upload = s3.create_multipart_upload(Bucket="media", Key="large")["UploadId"]
    s3.upload_part(Bucket="media", Key="large", UploadId=upload, PartNumber=1, Body=b"x" * MEBIBYTE)
    s3.abort_multipart_upload(Bucket="media", Key="large", UploadId=upload)
    with pytest.raises(ClientError):
        s3.upload_part(Bucket="media", Key="large", UploadId=upload, PartNumber=2, Body=b"x" * MEBIBYTE)

    record = recorder.cost()
    assert (record["cost.metadata.part"], record["cost.quantity"]) == (1, "1")


class Unavailable:
    """The body of an answer that has none."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """Nothing."""
        return iter([b""])


def test_retries_are_one_record(recorder: Recorder, s3: S3Client) -> None:
    """An answer that is repeated by the client is charged once, and says how often it was asked for."""
    headers: Any = {}
    answers = [AWSResponse("http://s3", 503, headers, Unavailable())]

    def stand_in(**_: object) -> Any:  # noqa: ANN401 - botocore's types know no handler that answers
        return answers.pop() if answers else None

    s3.meta.events.register("before-send.s3.PutObject", stand_in)
    s3.put_object(Bucket="media", Key="a", Body=b"x" * MEBIBYTE)

    record = recorder.cost()
    assert (record["cost.quantity"], record["cost.metadata.requests"]) == ("1", 2)


@pytest.mark.parametrize("way", ["copy", "copy_object", "unknown", "upload_part_copy"])
def test_a_copy_is_charged_by_its_source(recorder: Recorder, s3: S3Client, way: str) -> None:
    """By boto3's transfer, by the ETag of what was seen here, by its range; else it is unpriced, never free."""
    s3.put_object(Bucket="media", Key="source", Body=way.encode() * MEBIBYTE)
    size = len(way) * MEBIBYTE
    source: Any = {"Bucket": "media", "Key": "source"}
    with spanledger.execution("task", user_id="user-1"):
        if way == "copy":
            s3.copy(source, "media", "target")
        elif way == "upload_part_copy":
            upload = s3.create_multipart_upload(Bucket="media", Key="target")["UploadId"]
            part: Any = {"Bucket": "media", "Key": "target", "UploadId": upload, "PartNumber": 1}
            s3.upload_part_copy(**part, CopySource=source, CopySourceRange=f"bytes=0-{5 * MEBIBYTE - 1}")
            size = 5 * MEBIBYTE
        else:
            if way == "unknown":
                s3_storage.forget_sizes()
            s3.copy_object(Bucket="media", Key="target", CopySource=source)

    _, record = recorder.costs()
    assert (record["cost.operation"], record["user.id"]) == ("copy", "user-1")
    if way == "unknown":
        assert (record["cost.source"], record["cost.reason"]) == ("unpriced", "the size of the copy is not known")
    else:
        assert (record["cost.metadata.bytes"], record["cost.source"]) == (size, "price_book")


def test_a_large_copy_is_charged_by_its_parts(recorder: Recorder, s3: S3Client) -> None:
    """boto3 copies it in ranges, whose sizes add up to the object's."""
    size = 11 * MEBIBYTE
    s3.put_object(Bucket="media", Key="source", Body=bytes(size))
    config = TransferConfig(multipart_threshold=5 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE)
    with spanledger.execution("task", user_id="user-1"):
        s3.copy({"Bucket": "media", "Key": "source"}, "media", "target", Config=config)

    copies = [record for record in recorder.costs() if record["cost.operation"] == "copy"]
    assert {record["user.id"] for record in copies} == {"user-1"}
    assert [int(str(record["cost.metadata.bytes"])) for record in copies].count(5 * MEBIBYTE) == 2
    assert sum(int(str(record["cost.metadata.bytes"])) for record in copies) == size


def test_nothing_of_ours_goes_to_the_provider(recorder: Recorder, s3: S3Client, tmp_path: Path) -> None:
    """Neither trace context nor baggage is in any request's headers, in whichever thread it is made."""
    sent: list[dict[str, str]] = []

    def note(request: AWSPreparedRequest, **_: object) -> None:
        sent.append({name.lower(): str(value) for name, value in request.headers.items()})

    s3.meta.events.register("before-send.s3", note)
    (tmp_path / "file").write_bytes(b"x")
    with spanledger.execution("task", user_id="user-1"):
        s3.put_object(Bucket="media", Key="a", Body=b"x")
        s3.upload_file(str(tmp_path / "file"), "media", "b")
        s3.download_file("media", "b", str(tmp_path / "copy"))

    assert len(recorder.costs()) == 2
    assert len(sent) >= 4
    for headers in sent:
        assert not {"traceparent", "tracestate", "baggage"} & set(headers)
        assert "user-1" not in str(headers)
