"""The operator's TOML file of rules, budgets and channels, checked field by field."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar, cast

from pydantic import BaseModel, ValidationError

from spanledger.exceptions import ConfigurationError
from spanledger_api.alerts.budget import Budget, BudgetDefinition
from spanledger_api.alerts.channel_definition import ChannelDefinition, build_channel
from spanledger_api.alerts.kinds import Origin
from spanledger_api.alerts.rule import Rule, RuleDefinition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from spanledger_api.alerts.channels import Channel

__all__ = ["AlertFile", "read_alert_file"]

_Model = TypeVar("_Model", bound=BaseModel)

_SECTIONS: Final = ("rule", "budget", "channel")
_HEADER: Final = re.compile(r"^[ \t]*\[\[[ \t]*(\w+)[ \t]*\]\]", re.MULTILINE)
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class AlertFile:
    """What a file states, in its order.

    Attributes:
        rules: Its rules.
        budgets: Its budgets.
        channels: Its channels, ready to send.
    """

    rules: tuple[Rule, ...] = ()
    budgets: tuple[Budget, ...] = ()
    channels: tuple[Channel, ...] = ()


def read_alert_file(path: Path) -> AlertFile:
    """Read a file.

    Raises:
        ConfigurationError: It cannot be read, or something in it is not valid; the message names file, line and field.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text, parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path}: {error}"
        raise ConfigurationError(message) from error
    if unknown := sorted(document.keys() - set(_SECTIONS)):
        message = f"{path}: {unknown[0]} is not known; a file of alerts holds [[rule]], [[budget]] and [[channel]]"
        raise ConfigurationError(message)
    tables = {section: list(_tables(path, text, section, document.get(section, []))) for section in _SECTIONS}
    for section, found in tables.items():
        _refuse_repeats(section, found)
    return AlertFile(
        rules=tuple(each.rule() for each in tables["rule"]),
        budgets=tuple(each.budget() for each in tables["budget"]),
        channels=tuple(each.channel() for each in tables["channel"]),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """One table of the file: its fields, and the lines on which they stand."""

    path: Path
    line: int
    section: str
    fields: Mapping[str, object]
    lines: tuple[str, ...]

    def rule(self) -> Rule:
        """The rule that it states; raises ConfigurationError, with the line, if it states none."""
        return Rule(**dict(self._checked(RuleDefinition)), rule_id=self.identifier, origin=Origin.FILE)

    def budget(self) -> Budget:
        """The budget that it states; raises ConfigurationError, with the line, if it states none."""
        return Budget(**dict(self._checked(BudgetDefinition)), budget_id=self.identifier, origin=Origin.FILE)

    def channel(self) -> Channel:
        """The channel that it states; raises ConfigurationError, with the line, if it states none."""
        stated = self._checked(ChannelDefinition, named="name")
        try:
            return build_channel(stated)
        except ConfigurationError as error:
            self.refuse("url", str(error))

    @property
    def identifier(self) -> str:
        """The table's id, which alerts, mutes and the API go by."""
        stated = self.fields.get("name" if self.section == "channel" else "id")
        if not isinstance(stated, str) or not _ID.fullmatch(stated):
            name = "name" if self.section == "channel" else "id"
            self.refuse(name, "must be a text of letters, digits, dots, dashes and underscores")
        return stated

    def _checked(self, model: type[_Model], named: str = "id") -> _Model:
        fields = {"name": self.identifier, **self.fields}
        if named == "id":
            del fields["id"]
        try:
            return model.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            field = str(first["loc"][0]) if first["loc"] else ""
            extra = first["type"] == "extra_forbidden"
            self.refuse(field, "is no field" if extra else str(first["msg"]).removeprefix("Value error, "))

    def refuse(self, field: str, complaint: str) -> NoReturn:
        """Complain about a field, at its line if it has one, or about the table as a whole where there is none."""
        stated = re.compile(rf"\s*{re.escape(field or '[')}\s*=")
        line = next((number for number, text in enumerate(self.lines) if stated.match(text)), 0) + self.line
        subject = self.fields.get("id", self.fields.get("name", "without id"))
        message = f"{self.path}:{line}: {self.section} {subject}: {f'{field}: ' if field else ''}{complaint}"
        raise ConfigurationError(message)


def _tables(path: Path, text: str, section: str, stated: object) -> Iterator[_Table]:
    if not isinstance(stated, list) or not all(isinstance(each, Mapping) for each in cast("list[object]", stated)):
        message = f"{path}: {section} must be written as [[{section}]] tables"
        raise ConfigurationError(message)
    tables = cast("list[Mapping[str, object]]", stated)
    headers = list(_HEADER.finditer(text))
    ends = [*(header.start() for header in headers[1:]), len(text)]
    places = [(header.start(), end) for header, end in zip(headers, ends, strict=True) if header[1] == section]
    if len(places) != len(tables):  # written in another form, so their lines are not known
        places = [(0, 0)] * len(tables)
    for fields, (start, end) in zip(tables, places, strict=True):
        yield _Table(path, text.count("\n", 0, start) + 1, section, fields, tuple(text[start:end].splitlines()))


def _refuse_repeats(section: str, tables: list[_Table]) -> None:
    seen: set[str] = set()
    for table in tables:
        if table.identifier in seen:
            table.refuse("name" if section == "channel" else "id", f"{table.identifier} stands there twice")
        seen.add(table.identifier)
