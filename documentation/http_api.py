"""The page on the HTTP API, from its OpenAPI description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from documentation.markdown import GENERATED, code, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["http_api_page"]

_Schema = dict[str, Any]
_INTRODUCTION = """\
The running API describes itself at `/docs` (for reading) and `/openapi.json` (for programs). A report is a bare list;
how fresh it is and what share of it has no price of its own travels in `Spanledger-*` headers. Errors are
`application/problem+json` (RFC 9457)."""


def http_api_page(description: _Schema) -> str:
    """Every path with its parameters and fields.

    Args:
        description: The OpenAPI document.
    """
    schemas: Mapping[str, _Schema] = description.get("components", {}).get("schemas", {})
    sections = [f"{GENERATED}\n# HTTP API\n\n{_INTRODUCTION}"]
    for path, methods in sorted(description["paths"].items()):
        for method, operation in methods.items():
            if method != "head":
                sections.append(_section(method, path, operation, schemas))
    return "\n\n".join(sections) + "\n"


def _section(method: str, path: str, operation: _Schema, schemas: Mapping[str, _Schema]) -> str:
    parts = [f"## `{method.upper()} {path}`", str(operation.get("summary", ""))]
    if parameters := operation.get("parameters"):
        rows = [(code(each["name"]), _type(each["schema"]), str(each.get("description", ""))) for each in parameters]
        parts.append(table(("parameter", "type", "meaning"), rows))
    if fields := list(_fields(_answer(operation), schemas)):
        parts.append(table(("field", "type", "meaning"), fields))
    return "\n\n".join(part for part in parts if part)


def _answer(operation: _Schema) -> _Schema:
    for status, response in operation.get("responses", {}).items():
        if str(status).startswith("2"):
            schema: _Schema = response.get("content", {}).get("application/json", {}).get("schema", {})
            return schema
    return {}


def _fields(schema: _Schema, schemas: Mapping[str, _Schema]) -> Iterator[tuple[str, str, str]]:
    schema = _resolved(schema.get("items", schema), schemas)
    for name, field in schema.get("properties", {}).items():
        yield code(name), _type(field), str(field.get("description", ""))


def _resolved(schema: _Schema, schemas: Mapping[str, _Schema]) -> _Schema:
    return schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _type(schema: _Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(code(str(value)) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("format", schema.get("type", "any")))
