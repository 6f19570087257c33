"""boto3 against the loopback S3 service."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PARTS_OF_5_MIB = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)


def _code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response.get("Error", {}).get("Code", "")


def test_an_object_comes_back_as_it_was_put(s3: S3Client) -> None:
    """Content, type and tag survive, and HEAD tells the same without the content."""
    tag = s3.put_object(Bucket="media", Key="a b/ü.jpg", Body=b"picture", ContentType="image/jpeg")["ETag"]

    got = s3.get_object(Bucket="media", Key="a b/ü.jpg")
    head = s3.head_object(Bucket="media", Key="a b/ü.jpg")

    assert got["Body"].read() == b"picture"
    assert (got["ContentType"], got["ContentLength"]) == ("image/jpeg", 7)
    assert (head["ContentLength"], head["ETag"]) == (7, tag)
    assert tag == f'"{hashlib.md5(b"picture", usedforsecurity=False).hexdigest()}"'


def test_a_large_file_goes_and_comes_in_parts(s3: S3Client) -> None:
    """s3transfer's threads upload parts and download ranges; the tag counts the parts."""
    content = bytes(range(256)) * (12 << 12)

    s3.upload_fileobj(io.BytesIO(content), "media", "film.mp4", Config=_PARTS_OF_5_MIB)
    back = io.BytesIO()
    s3.download_fileobj("media", "film.mp4", back, Config=_PARTS_OF_5_MIB)

    assert back.getvalue() == content
    assert s3.head_object(Bucket="media", Key="film.mp4")["ETag"].endswith('-3"')


def test_an_aborted_upload_is_gone(s3: S3Client) -> None:
    """After an abort the upload takes no more parts and leaves no object."""
    upload = s3.create_multipart_upload(Bucket="media", Key="half")["UploadId"]
    s3.upload_part(Bucket="media", Key="half", UploadId=upload, PartNumber=1, Body=b"half")

    s3.abort_multipart_upload(Bucket="media", Key="half", UploadId=upload)

    with pytest.raises(s3.exceptions.NoSuchUpload):
        s3.upload_part(Bucket="media", Key="half", UploadId=upload, PartNumber=2, Body=b"rest")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="media", Key="half")


def test_a_part_that_was_never_sent_cannot_be_completed(s3: S3Client) -> None:
    """Completing names each part by number and tag, and both must be right."""
    upload = s3.create_multipart_upload(Bucket="media", Key="odd")["UploadId"]
    s3.upload_part(Bucket="media", Key="odd", UploadId=upload, PartNumber=1, Body=b"one")

    with pytest.raises(ClientError) as refusal:
        s3.complete_multipart_upload(
            Bucket="media",
            Key="odd",
            UploadId=upload,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"0123456789abcdef0123456789abcdef"'}]},
        )

    assert _code(refusal) == "InvalidPart"


def test_keys_are_listed_in_pages(s3: S3Client) -> None:
    """A paginator sees each key below the prefix once, in order."""
    for number in range(5):
        s3.put_object(Bucket="media", Key=f"page/<{number}>", Body=b"x" * number)

    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket="media", Prefix="page/", PaginationConfig={"PageSize": 2}
    )

    contents = [item for page in pages for item in page.get("Contents", [])]
    assert [(item.get("Key"), item.get("Size")) for item in contents] == [(f"page/<{n}>", n) for n in range(5)]


def test_a_deleted_object_is_gone(s3: S3Client) -> None:
    """Deleting twice is no error, reading afterwards is."""
    s3.put_object(Bucket="media", Key="brief", Body=b"x")
    s3.delete_object(Bucket="media", Key="brief")
    s3.delete_object(Bucket="media", Key="brief")

    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="media", Key="brief")


def test_a_bucket_that_does_not_exist_is_named(s3: S3Client) -> None:
    """Reading and writing fail with the exception that boto3 has for it."""
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.put_object(Bucket="nowhere", Key="x", Body=b"x")
    with pytest.raises(ClientError) as refusal:
        s3.head_bucket(Bucket="nowhere")

    assert _code(refusal) == "404"


def test_bytes_damaged_on_the_way_are_refused(s3: S3Client) -> None:
    """A checksum that does not fit the body is an error, and nothing is kept."""
    with pytest.raises(ClientError) as refusal:
        s3.put_object(Bucket="media", Key="damaged", Body=b"x", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")

    assert _code(refusal) == "BadDigest"
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="media", Key="damaged")


def test_a_copy_is_refused_rather_than_stored_empty(s3: S3Client) -> None:
    """What the service does not know answers so."""
    s3.put_object(Bucket="media", Key="original", Body=b"x")

    with pytest.raises(ClientError) as refusal:
        s3.copy_object(Bucket="media", Key="copy", CopySource={"Bucket": "media", "Key": "original"})

    assert _code(refusal) == "NotImplemented"


@pytest.mark.parametrize("size", [0, 1, 70_000])
def test_chunks_with_a_trailing_checksum_are_put_together(s3: S3Client, services: str, size: int) -> None:
    """The framing that boto3 uses over TLS is taken off and its trailing checksum checked."""
    content = b"\r\n0\r\n"[:size] + bytes(max(0, size - 5))
    body = AwsChunkedWrapper(io.BytesIO(content), Crc32Checksum, "x-amz-checksum-crc32", chunk_size=1 << 14).read()

    request = Request(f"{services}/media/chunked", body, {"Content-Encoding": "aws-chunked"}, method="PUT")  # noqa: S310 - loopback
    with urlopen(request) as response:  # noqa: S310 - loopback
        assert response.status == 200

    assert s3.get_object(Bucket="media", Key="chunked")["Body"].read() == content


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"1\r\nx\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", b"<Code>BadDigest</Code>"),
        (b"5\r\nx", b"<Code>IncompleteBody</Code>"),
    ],
)
def test_damaged_chunks_are_refused(s3: S3Client, services: str, body: bytes, code: bytes) -> None:
    """A wrong trailing checksum and a body cut short are errors of the client's."""
    s3.head_bucket(Bucket="media")
    request = Request(f"{services}/media/torn", body, {"Content-Encoding": "aws-chunked"}, method="PUT")  # noqa: S310 - loopback

    with pytest.raises(HTTPError) as refusal:
        urlopen(request)  # noqa: S310 - loopback

    with refusal.value as answer:
        assert answer.status == 400
        assert code in answer.read()
