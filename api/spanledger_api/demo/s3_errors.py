"""The refusals of the loopback S3 service, in the XML that boto3 turns into its exceptions."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias
from xml.etree import ElementTree as ET

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Sequence

Members: TypeAlias = "Sequence[tuple[str, str | Members]]"
"""Names of XML elements with their text, or with the elements inside."""


class S3RefusalError(Exception):
    """The service refuses a request.

    Args:
        status: The HTTP status.
        code: S3's name of the error, e.g. ``NoSuchKey``.
        detail: What is wrong, for people.
    """

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(detail)
        self._status = status
        self._code = code
        self._detail = detail

    def response(self, resource: str) -> Response:
        """The refusal as an HTTP response about a resource (its path)."""
        members = [("Code", self._code), ("Message", self._detail), ("Resource", resource)]
        return xml_response("Error", members, self._status)


def no_such_key() -> S3RefusalError:
    """There is no object of that name."""
    return S3RefusalError(HTTPStatus.NOT_FOUND, "NoSuchKey", "The specified key does not exist.")


def no_such_bucket() -> S3RefusalError:
    """There is no bucket of that name."""
    return S3RefusalError(HTTPStatus.NOT_FOUND, "NoSuchBucket", "The specified bucket does not exist")


def no_such_upload() -> S3RefusalError:
    """There is no multipart upload of that identifier, or it is over."""
    return S3RefusalError(HTTPStatus.NOT_FOUND, "NoSuchUpload", "The specified multipart upload does not exist.")


def bad_digest(algorithm: str) -> S3RefusalError:
    """The body is not the one whose checksum was sent."""
    detail = f"The {algorithm} you specified did not match what we received."
    return S3RefusalError(HTTPStatus.BAD_REQUEST, "BadDigest", detail)


def invalid_part() -> S3RefusalError:
    """A part that shall be put together was never uploaded, or is another one by now."""
    return S3RefusalError(
        HTTPStatus.BAD_REQUEST, "InvalidPart", "One or more of the specified parts could not be found."
    )


def invalid_range() -> S3RefusalError:
    """None of the wanted bytes is in the object."""
    detail = "The requested range is not satisfiable"
    return S3RefusalError(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "InvalidRange", detail)


def incomplete_body() -> S3RefusalError:
    """The body ends before its last chunk."""
    detail = "You did not provide the number of bytes that the chunks announce."
    return S3RefusalError(HTTPStatus.BAD_REQUEST, "IncompleteBody", detail)


def not_implemented(method: str, path: str) -> S3RefusalError:
    """S3 has it, this service does not."""
    return S3RefusalError(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", f"{method} {path} is not implemented here.")


def xml_response(root: str, members: Members, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """An XML document; a member whose value is a sequence has members of its own."""
    element = ET.Element(root)
    if root != "Error":
        element.set("xmlns", "http://s3.amazonaws.com/doc/2006-03-01/")
    _fill(element, members)
    document: bytes = ET.tostring(element, encoding="UTF-8", xml_declaration=True)
    return Response(document, status, media_type="application/xml")


def _fill(element: ET.Element, members: Members) -> None:
    for name, value in members:
        child = ET.SubElement(element, name)
        if isinstance(value, str):
            child.text = value
        else:
            _fill(child, value)
