"""Every request that the OpenAPI document tells of: each path, with each value that is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Asking", "every_request"]


@dataclass(frozen=True)
class Asking:
    """One request."""

    method: str
    path: str
    template: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])


def every_request(
    document: Mapping[str, Any], places: Mapping[str, list[str]], stated: Mapping[str, str]
) -> Iterator[Asking]:
    """The requests of an app.

    Args:
        document: The app's OpenAPI document.
        places: Values for the places in paths that are no enumerations, by name; others get an id of nothing.
        stated: Values of query parameters, by name: each request is made without any, with all that the path has, and
            with each value of each parameter that is an enumeration.
    """
    for template, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters = [*operation.get("parameters", []), *methods.get("parameters", [])]
            for path in _paths(document, template, parameters, places):
                for query in _queries(document, parameters, stated):
                    yield Asking(method.upper(), path, template, query)


def _paths(
    document: Mapping[str, Any], template: str, parameters: list[dict[str, Any]], places: Mapping[str, list[str]]
) -> list[str]:
    paths: list[str] = [template]
    for parameter in parameters:
        if parameter["in"] != "path":
            continue
        name = str(parameter["name"])
        values = _values(document, parameter["schema"]) or places.get(name, [_nobodys(parameter["schema"])])
        paths = [path.replace(f"{{{name}}}", value) for path in paths for value in values]
    return paths


def _nobodys(schema: Mapping[str, Any]) -> str:
    """An id that nothing has."""
    return str(UUID(int=0)) if schema.get("format") == "uuid" else "0" * 16


def _anything(schema: Mapping[str, Any]) -> str:
    """A value that a parameter takes."""
    if schema.get("format") == "date-time":
        return "2026-03-01T00:00:00Z"
    return str(schema.get("minimum", 1)) if schema.get("type") == "integer" else "strange-text"


def _queries(
    document: Mapping[str, Any], parameters: list[dict[str, Any]], stated: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    mine = [each for each in parameters if each["in"] == "query"]
    needed: dict[str, str] = {
        each["name"]: stated.get(each["name"]) or (_values(document, each["schema"]) or [_anything(each["schema"])])[0]
        for each in mine
        if each.get("required")
    }
    yield needed
    chosen = needed | {each["name"]: stated[each["name"]] for each in mine if each["name"] in stated}
    if chosen != needed:
        yield chosen
    for each in mine:
        for value in _values(document, each["schema"]):
            # A period decides nothing but the time, and a default was asked for already.
            if each["name"] != "period" and value != str(each["schema"].get("default")):
                yield {**needed, each["name"]: value}


def _values(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """The values of an enumeration; none for anything else."""
    if reference := schema.get("$ref"):
        return _values(document, document["components"]["schemas"][reference.rpartition("/")[2]])
    found = [str(value) for value in cast("list[object]", schema.get("enum", [])) if value is not None]
    for part in (*schema.get("anyOf", []), *schema.get("allOf", [])):
        found += _values(document, part)
    return found + (_values(document, schema["items"]) if "items" in schema else [])
