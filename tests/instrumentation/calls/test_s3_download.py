"""boto3 reading from a real S3 server: bytes that were really read, identity across threads, untouched failures."""

from __future__ import annotations

import gc
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import IncompleteReadError

import spanledger
from spanledger.calls.s3_download import Download
from spanledger.guard import losses
from tests.instrumentation.recorder import Recorder, attributes_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client

MEBIBYTE = 1024**2

OWN_PRICES = """
[[price]]
id = "s3/own/2020-01-01"
service = "s3"
effective_from = 2020-01-01
source = "https://prices.example"
shown_in = "MB"
[price.meters]
bytes = { price = "0.01", per = "1073741824", unit = "bytes" }
download_bytes = { price = "0.09", per = "1073741824", unit = "bytes" }
"""


def read_whole(body: Any) -> int:  # noqa: ANN401 - as each way of reading
    """At once."""
    return len(body.read())


def read_pieces(body: Any) -> int:  # noqa: ANN401 - as each way of reading
    """Piece by piece."""
    return sum(len(piece) for piece in body.iter_chunks(1000))


def read_lines(body: Any) -> int:  # noqa: ANN401 - as each way of reading
    """Line by line."""
    return sum(len(line) for line in body.iter_lines(keepends=True))


def read_into(body: Any) -> int:  # noqa: ANN401 - as each way of reading
    """Into memory of one's own."""
    return sum(iter(partial(body.readinto, bytearray(700)), 0))


def read_raw(body: Any) -> int:  # noqa: ANN401 - as each way of reading
    """Past the body's own methods."""
    with body as raw:
        return len(raw.read())


def read_a_part(body: Any) -> int:  # noqa: ANN401 - as each way of reading
    """Not to the end."""
    size = len(body.read(4000))
    body.close()
    return size


def read_and_drop(body: Any) -> int:  # noqa: ANN401 - as each way of reading
    """Not to the end, and never closed."""
    return len(body.read(3000))


@pytest.mark.parametrize("read", [read_whole, read_pieces, read_lines, read_into, read_raw, read_a_part, read_and_drop])
def test_a_download_says_what_was_really_read(recorder: Recorder, s3: S3Client, read: Callable[[Any], int]) -> None:
    """Whichever way it is read; without a price for reading it is no cost record."""
    s3.put_object(Bucket="media", Key="text", Body=b"a line of it\n" * 1000)
    with spanledger.execution("task", user_id="user-1"):
        size = read(s3.get_object(Bucket="media", Key="text")["Body"])
    gc.collect()

    said = recorder.attributes("S3.GetObject")
    assert said["cost.metadata.bytes"] == size
    assert (said["cost.metadata.bucket"], said["cost.metadata.key"]) == ("media", "text")
    assert said["user.id"] == "user-1"
    assert len(recorder.costs()) == 1


def test_a_forked_child_says_nothing_of_its_parents_download(recorder: Recorder, s3: S3Client) -> None:
    """It drops its copy of the body, and the span is the parent's alone, with all that was read."""
    s3.put_object(Bucket="media", Key="text", Body=b"x" * 1000)
    body = s3.get_object(Bucket="media", Key="text")["Body"]
    body.read(100)
    child = os.fork()
    if not child:
        body.close()
        os._exit(sum(span.name == "S3.GetObject" for span in recorder.spans()))
    _, status = os.waitpid(child, 0)
    body.read()

    assert os.waitstatus_to_exitcode(status) == 0
    assert recorder.attributes("S3.GetObject")["cost.metadata.bytes"] == 1000


def test_a_download_that_breaks_raises_boto3s_error(recorder: Recorder, s3: S3Client) -> None:
    """The bytes that came are on the span, which says failed."""
    s3.put_object(Bucket="media", Key="text", Body=b"x" * 1000)
    body: Any = s3.get_object(Bucket="media", Key="text")["Body"]
    body.read(100)
    body._content_length = 5000  # noqa: SLF001 - as if the connection had ended too soon
    with pytest.raises(IncompleteReadError):
        body.read()

    download = recorder.span("S3.GetObject")
    assert "IncompleteReadError" in str(download.status.description)
    assert recorder.attributes("S3.GetObject")["cost.metadata.bytes"] == 1000


def test_what_is_not_there_costs_nothing(recorder: Recorder, s3: S3Client) -> None:
    """The exception is the client's own."""
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="media", Key="nowhere")

    assert recorder.costs() == []
    assert not recorder.span("S3.GetObject").status.is_ok


@pytest.mark.parametrize("way", ["download_file", "download_fileobj"])
def test_boto3s_downloads_belong_to_their_caller(recorder: Recorder, s3: S3Client, tmp_path: Path, way: str) -> None:
    """Ranges read in several threads add up to the object, each for the caller."""
    size = 11 * MEBIBYTE
    s3.put_object(Bucket="media", Key="large", Body=bytes(size))
    config = TransferConfig(multipart_threshold=5 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE)
    target = tmp_path / "large"
    with spanledger.execution("task", user_id="user-1"), spanledger.step("fetch"):
        if way == "download_file":
            s3.download_file("media", "large", str(target), Config=config)
        else:
            with target.open("wb") as file:
                s3.download_fileobj("media", "large", file, Config=config)

    assert target.stat().st_size == size
    downloads = [attributes_of(span) for span in recorder.spans() if span.name == "S3.GetObject"]
    assert {(one["user.id"], one["step.name"]) for one in downloads} == {("user-1", "fetch")}
    assert sum(int(str(one["cost.metadata.bytes"])) for one in downloads) == size


def test_a_price_for_reading_makes_downloads_cost_records(s3: S3Client, tmp_path: Path) -> None:
    """A row of one's own with the meter ``download_bytes`` is all it takes."""
    prices = tmp_path / "prices.toml"
    prices.write_text(OWN_PRICES)
    recorder = Recorder()
    spanledger.configure("engine-under-test", exporter=recorder.exporter, prices=prices)
    try:
        s3.put_object(Bucket="media", Key="text", Body=bytes(MEBIBYTE))
        s3.get_object(Bucket="media", Key="text")["Body"].read()

        upload, download = recorder.costs()
    finally:
        spanledger.shutdown()
    assert (upload["cost.operation"], upload["cost.total_cost"]) == ("upload", "0.000009765625")
    assert (download["cost.operation"], download["cost.total_cost"]) == ("download", "0.000087890625")
    assert (download["cost.quantity"], download["cost.unit"]) == ("1", "MB")


@pytest.mark.parametrize("hook", ["succeeded", "progressed", "ended", "_is_priced"])
def test_a_hook_that_raises_leaves_the_download_alone(
    recorder: Recorder, s3: S3Client, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    """Where measuring fails, the object is read all the same, and the failure is counted."""

    def fail(*_: object) -> None:
        raise RuntimeError(hook)

    s3.put_object(Bucket="media", Key="hook", Body=b"abc")
    before = sum(losses().values())
    monkeypatch.setattr(Download, hook, fail)
    body = s3.get_object(Bucket="media", Key="hook")["Body"]

    assert body.read() == b"abc"
    body.close()
    assert sum(losses().values()) > before
    assert len(recorder.costs()) == 1
