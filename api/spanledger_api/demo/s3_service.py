"""S3's HTTP interface on loopback, path style, objects kept in memory.

Whoever talks to it uses boto3 with ``AWS_ENDPOINT_URL_S3`` set. Signatures are not checked; checksums are.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from spanledger_api.demo.s3_bodies import entity_tag, received_content
from spanledger_api.demo.s3_errors import (
    Members,
    S3RefusalError,
    invalid_part,
    invalid_range,
    no_such_bucket,
    no_such_key,
    no_such_upload,
    not_implemented,
    xml_response,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")
_PART = re.compile(rb"<Part>(.*?)</Part>", re.DOTALL)
_PART_NUMBER = re.compile(rb"<PartNumber>(\d+)</PartNumber>")
_PART_TAG = re.compile(rb"<ETag>(?:&quot;|\")?([0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class _Object:
    content: bytes
    tag: str
    media_type: str
    modified: str = field(default_factory=lambda: formatdate(usegmt=True))


@dataclass(slots=True)
class _Upload:
    bucket: str
    key: str
    media_type: str
    parts: dict[int, bytes] = field(default_factory=dict[int, bytes])


@dataclass(frozen=True, slots=True)
class _Call:
    """One request, its body read."""

    bucket: str
    key: str
    headers: dict[str, str]
    query: dict[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """What the body is said to be; S3's own default where nothing is said."""
        return self.headers.get("content-type", "binary/octet-stream")


if TYPE_CHECKING:
    _Handler: TypeAlias = Callable[[_Call], Response]


class _Store:
    """Buckets, objects and unfinished uploads; each public method answers one operation of S3."""

    def __init__(self) -> None:
        self._buckets: dict[str, dict[str, _Object]] = {}
        self._uploads: dict[str, _Upload] = {}

    def handler(self, method: str, call: _Call) -> _Handler:
        """The operation that a method, a path and query parameters stand for.

        Raises:
            S3RefusalError: It is none of those kept here.
        """
        scope = "object" if call.key else "bucket"
        marks = {"uploads", "uploadId", "partNumber", "x-amz-copy-source"} & (call.query.keys() | call.headers.keys())
        operations: dict[tuple[str, str, frozenset[str]], _Handler] = {
            ("PUT", "bucket", frozenset()): self._create_bucket,
            ("HEAD", "bucket", frozenset()): self._head_bucket,
            ("GET", "bucket", frozenset()): self._list_objects,
            ("PUT", "object", frozenset()): self._put_object,
            ("GET", "object", frozenset()): self._get_object,
            ("HEAD", "object", frozenset()): self._get_object,
            ("DELETE", "object", frozenset()): self._delete_object,
            ("POST", "object", frozenset({"uploads"})): self._create_upload,
            ("PUT", "object", frozenset({"uploadId", "partNumber"})): self._upload_part,
            ("POST", "object", frozenset({"uploadId"})): self._complete_upload,
            ("DELETE", "object", frozenset({"uploadId"})): self._abort_upload,
        }
        operation = operations.get((method, scope, frozenset(marks)))
        if operation is None:
            raise not_implemented(method, f"/{call.bucket}/{call.key}")
        return operation

    def _bucket(self, call: _Call) -> dict[str, _Object]:
        if call.bucket not in self._buckets:
            raise no_such_bucket()
        return self._buckets[call.bucket]

    def _upload(self, call: _Call) -> _Upload:
        upload = self._uploads.get(call.query["uploadId"])
        if upload is None or (upload.bucket, upload.key) != (call.bucket, call.key):
            raise no_such_upload()
        return upload

    def _create_bucket(self, call: _Call) -> Response:
        self._buckets.setdefault(call.bucket, {})
        return Response(headers={"location": f"/{call.bucket}"})

    def _head_bucket(self, call: _Call) -> Response:
        self._bucket(call)
        return Response(headers={"x-amz-bucket-region": "us-east-1"})

    def _list_objects(self, call: _Call) -> Response:
        """One page of keys in order; ``start-after`` and the continuation token are both the last key seen."""
        prefix = call.query.get("prefix", "")
        after = call.query.get("continuation-token", call.query.get("start-after", ""))
        limit = int(call.query.get("max-keys", "1000"))
        objects = self._bucket(call)
        keys = sorted(key for key in objects if key.startswith(prefix) and key > after)
        page = keys[:limit]
        more = len(keys) > len(page)
        members: list[tuple[str, str | Members]] = [
            ("Name", call.bucket),
            ("Prefix", prefix),
            ("KeyCount", str(len(page))),
            ("MaxKeys", str(limit)),
        ]
        members += [("IsTruncated", "true" if more else "false")]
        members += [("NextContinuationToken", page[-1])] if more and page else []
        members += [
            ("Contents", [("Key", key), ("Size", str(len(objects[key].content))), ("ETag", objects[key].tag)])
            for key in page
        ]
        return xml_response("ListBucketResult", members)

    def _put_object(self, call: _Call) -> Response:
        bucket = self._bucket(call)
        content = received_content(call.body, call.headers)
        bucket[call.key] = _Object(content, entity_tag(content), call.media_type)
        return Response(headers={"etag": bucket[call.key].tag})

    def _get_object(self, call: _Call) -> Response:
        """The whole object or a range of it; for HEAD the server leaves the body away."""
        found = self._bucket(call).get(call.key)
        if found is None:
            raise no_such_key()
        headers = {"etag": found.tag, "last-modified": found.modified, "accept-ranges": "bytes"}
        wanted = _RANGE.match(call.headers.get("range", ""))
        if wanted is None:
            return Response(found.content, media_type=found.media_type, headers=headers)
        size = len(found.content)
        first, last = int(wanted[1]), min(int(wanted[2] or size), size - 1)
        if first > last:
            raise invalid_range()
        headers["content-range"] = f"bytes {first}-{last}/{size}"
        part = found.content[first : last + 1]
        return Response(part, HTTPStatus.PARTIAL_CONTENT, media_type=found.media_type, headers=headers)

    def _delete_object(self, call: _Call) -> Response:
        self._bucket(call).pop(call.key, None)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def _create_upload(self, call: _Call) -> Response:
        self._bucket(call)
        identifier = uuid.uuid4().hex
        self._uploads[identifier] = _Upload(call.bucket, call.key, call.media_type)
        members = [("Bucket", call.bucket), ("Key", call.key), ("UploadId", identifier)]
        return xml_response("InitiateMultipartUploadResult", members)

    def _upload_part(self, call: _Call) -> Response:
        upload = self._upload(call)
        content = received_content(call.body, call.headers)
        upload.parts[int(call.query["partNumber"])] = content
        return Response(headers={"etag": entity_tag(content)})

    def _complete_upload(self, call: _Call) -> Response:
        """Put the named parts together; the tag is that of the parts' tags, and their number."""
        upload = self._upload(call)
        parts: list[bytes] = []
        for part in _PART.findall(call.body):
            number, tag = _PART_NUMBER.search(part), _PART_TAG.search(part)
            content = upload.parts.get(int(number[1])) if number else None
            if content is None or tag is None or entity_tag(content) != f'"{tag[1].decode()}"':
                raise invalid_part()
            parts.append(content)
        digests = b"".join(bytes.fromhex(entity_tag(part).strip('"')) for part in parts)
        tag_text = f'{entity_tag(digests)[:-1]}-{len(parts)}"'
        self._bucket(call)[call.key] = _Object(b"".join(parts), tag_text, upload.media_type)
        del self._uploads[call.query["uploadId"]]
        members = [("Bucket", call.bucket), ("Key", call.key), ("ETag", tag_text)]
        return xml_response("CompleteMultipartUploadResult", members)

    def _abort_upload(self, call: _Call) -> Response:
        self._upload(call)
        del self._uploads[call.query["uploadId"]]
        return Response(status_code=HTTPStatus.NO_CONTENT)


def s3_service() -> Starlette:
    """The service as an ASGI application with an empty store of its own."""
    store = _Store()

    async def answer(request: Request) -> Response:
        bucket, _, key = request.path_params["path"].partition("/")
        call = _Call(bucket, key, dict(request.headers), dict(request.query_params), await request.body())
        try:
            response = store.handler(request.method, call)(call)
        except S3RefusalError as refusal:
            response = refusal.response(request.url.path)
        response.headers["x-amz-request-id"] = uuid.uuid4().hex[:16].upper()
        return response

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "HEAD", "PUT", "POST", "DELETE"])])
