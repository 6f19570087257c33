"""Examples in the OpenAPI document: what each operation is asked and answers, made of the values of its fields."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from spanledger_api.encoding import to_csv
from spanledger_api.example_values import VALUES
from spanledger_api.problem import MEDIA_TYPE
from spanledger_api.problem_examples import problem_example

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastapi import FastAPI

__all__ = ["install_examples"]

_Schema = dict[str, Any]
_JSON: Final = "application/json"
_CSV: Final = "text/csv"
_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def install_examples(app: FastAPI) -> None:
    """Complete the app's document with an example of each request, of each parameter and of each answer.

    An example that the document already has stays.
    """
    generate = app.openapi

    def shown() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            examples = _Examples(document.get("components", {}).get("schemas", {}))
            for methods in document["paths"].values():
                for operation in methods.values():
                    examples.complete(operation)
        return generate()

    # FastAPI's way to extend the document is to put another function in the method's place.
    app.openapi = shown  # type: ignore[method-assign]


class _Examples:
    """Makes examples of schemas.

    Args:
        schemas: The schemas that others refer to, by name.
    """

    def __init__(self, schemas: Mapping[str, _Schema]) -> None:
        self._schemas = schemas

    def complete(self, operation: _Schema) -> None:
        """Add what is missing to one operation."""
        for parameter in operation.get("parameters", []):
            self._complete_parameter(parameter)
        for content in operation.get("requestBody", {}).get("content", {}).values():
            content.setdefault("example", self._value(content["schema"], "", asked=True))
        for status, answer in operation["responses"].items():
            content = answer.get("content", {})
            if MEDIA_TYPE in content:
                # The description of problems is one object in many places.
                example = problem_example(HTTPStatus(int(status)), _blamed(operation))
                answer["content"] = content | {MEDIA_TYPE: content[MEDIA_TYPE] | {"example": example}}
            if _JSON in content:
                self._complete_answer(content)

    def _complete_parameter(self, parameter: _Schema) -> None:
        schema = parameter["schema"]
        if not {"example", "examples", "default"} & {*schema, *parameter} and not self._choices(schema):
            # Below the schema, where it does not fill in the form of the page for trying things out.
            schema["examples"] = [self._value(schema, _WORD.sub("_", parameter["name"]).lower(), asked=True)]

    def _complete_answer(self, content: _Schema) -> None:
        example = content[_JSON].setdefault("example", self._value(content[_JSON]["schema"], "", asked=False))
        if _CSV in content and "example" not in content[_CSV]:
            flat = [{name: cell for name, cell in row.items() if not isinstance(cell, dict | list)} for row in example]
            content[_CSV]["example"] = to_csv(list(flat[0]), flat).decode()

    def _value(self, schema: _Schema, name: str, *, asked: bool) -> object:
        """An example of a schema: its own, else the one for its name, else one made of its parts."""
        if "examples" in schema:
            return schema["examples"][0]
        resolved = self._resolved(schema)
        if "examples" in resolved:
            # Whole rows are written by the names in alphabetical order.
            row = resolved["examples"][0]
            return {field: row[field] for field in resolved["properties"] if field in row}
        if choices := self._choices(schema):
            return VALUES[name] if VALUES.get(name) in choices else resolved.get("default", choices[0])
        return VALUES[name] if _has_value(resolved, name) else self._made(resolved, name, asked=asked)

    def _made(self, schema: _Schema, name: str, *, asked: bool) -> object:
        """An example made of the parts of a schema."""
        if parts := [each for each in schema.get("anyOf", []) if each.get("type") != "null"]:
            return self._value(parts[0], name, asked=asked)
        if schema.get("type") == "array":
            return [self._value(schema["items"], name, asked=asked)]
        return dict(self._fields(schema, asked=asked)) if "properties" in schema else schema.get("default")

    def _fields(self, schema: _Schema, *, asked: bool) -> Iterator[tuple[str, object]]:
        """The fields of an object; of a request those that it needs, and those that say an example of their own."""
        for name, field in schema["properties"].items():
            if not asked or name in schema.get("required", []) or "examples" in field:
                yield name, self._value(field, name, asked=asked)

    def _choices(self, schema: _Schema) -> list[object]:
        """The values of an enumeration; none for anything else."""
        resolved = self._resolved(schema)
        if "const" in resolved:
            return [resolved["const"]]
        found: list[object] = list(resolved.get("enum", []))
        for part in resolved.get("anyOf", []):
            found += self._choices(part)
        return found

    def _resolved(self, schema: _Schema) -> _Schema:
        return self._schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _has_value(schema: _Schema, name: str) -> bool:
    """Whether the value for a name is one of a schema: a name may be that of a text here and of a list there."""
    if name not in VALUES or "properties" in schema:
        return False
    if VALUES[name] is None:
        return "anyOf" in schema
    return schema.get("type") != "array" or isinstance(VALUES[name], list)


def _blamed(operation: _Schema) -> str:
    """A parameter that a refused request may have stated wrongly."""
    names = [str(each["name"]) for each in operation.get("parameters", []) if each["in"] == "query"]
    return "from" if "from" in names else next(iter(names), "format")
