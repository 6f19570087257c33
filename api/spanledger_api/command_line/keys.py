"""``spanledger keys``: make, list and revoke keys, on the ledger itself or through a running API."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar, cast

import click

from spanledger import environment
from spanledger.exceptions import InvalidRequestError
from spanledger_api.command_line.options import dsn_option
from spanledger_api.command_line.output import print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spanledger_api.access.keys import AccessKey, NewKey

__all__ = ["command"]

_Command = TypeVar("_Command", bound="Callable[..., object]")
_COLUMNS = ("key_id", "name", "role", "scope", "created_at", "expires_at", "revoked_at", "last_used_at")
_LIFETIME = re.compile(r"(\d{1,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

_api_option = click.option(
    "--api",
    envvar=environment.API_URL,
    help=f"Address of a running API to ask instead of opening the ledger; {environment.API_KEY} holds the key to show.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _where(command: _Command) -> _Command:
    return dsn_option(_api_option(_json_option(command)))


@click.group("keys")
def command() -> None:
    """Make, list and revoke keys of the API.

    An embedded ledger belongs to the process that serves it: make the first key before that starts, and the others
    through its API (`--api`).
    """


@command.command("create")
@_where
@click.option("--role", type=click.Choice(["ingest", "read", "admin"]), required=True, help="What the key may do.")
@click.option("--name", required=True, help="What people call it.")
@click.option("--user-id", help="Bind a key of role read to the rows of this user.")
@click.option("--service", help="Bind a key of role read to the rows of this service.")
@click.option("--expires", help="How long it is valid: 12h, 90d or 52w; until it is revoked where absent.")
def create(  # noqa: PLR0913 - click hands every option over as an argument
    *,
    dsn: str,
    api: str | None,
    as_json: bool,
    role: str,
    name: str,
    user_id: str | None,
    service: str | None,
    expires: str | None,
) -> None:
    """Make a key and print it: this once, it is kept nowhere."""
    seconds = None if expires is None else _seconds(expires)
    asked = {"role": role, "name": name, "user_id": user_id, "service": service, "expires_in_seconds": seconds}
    made = _create_there(api, asked) if api else _create_here(dsn, asked)
    if as_json:
        print_json(made)
        return
    click.echo(made["key"])
    click.echo(f"Key {made['key_id']} of role {made['role']} for {made['name']}; it is not shown again.", err=True)


@command.command("list")
@_where
def list_keys(*, dsn: str, api: str | None, as_json: bool) -> None:
    """Print every key there is or was."""
    rows = _list_there(api) if api else _list_here(dsn)
    if as_json:
        print_json(rows)
        return
    print_table("Keys", _COLUMNS, [{**row, "scope": _words(row["scope"])} for row in rows])


@command.command("revoke")
@_where
@click.argument("key_id")
def revoke(*, dsn: str, api: str | None, as_json: bool, key_id: str) -> None:
    """End a key for good; every replica knows within seconds."""
    row = _revoke_there(api, key_id) if api else _revoke_here(dsn, key_id)
    if as_json:
        print_json(row)
        return
    click.echo(f"Key {key_id} ({row['name']}) is revoked.", err=True)


def _seconds(lifetime: str) -> int:
    match = _LIFETIME.fullmatch(lifetime)
    if match is None or not int(match[1]):
        message = f"--expires {lifetime!r} is not a time such as 12h, 90d or 52w"
        raise InvalidRequestError(message)
    return int((int(match[1]) * _UNITS[match[2]]).total_seconds())


def _create_there(api: str, asked: Mapping[str, object]) -> dict[str, object]:
    from spanledger_api.command_line.api_client import send  # noqa: PLC0415 - only this way needs it

    stated = {name: value for name, value in asked.items() if value is not None}
    return send("POST", api.rstrip("/"), "/api/keys", body=stated).document()


def _list_there(api: str) -> list[dict[str, object]]:
    from spanledger_api.command_line.api_client import get  # noqa: PLC0415 - only this way needs it

    return get(api.rstrip("/"), "/api/keys", {}).rows()


def _revoke_there(api: str, key_id: str) -> dict[str, object]:
    from spanledger_api.command_line.api_client import send  # noqa: PLC0415 - only this way needs it

    return send("DELETE", api.rstrip("/"), f"/api/keys/{key_id}").document()


def _create_here(dsn: str, asked: Mapping[str, object]) -> dict[str, object]:
    from spanledger_api.access import Action  # noqa: PLC0415 - slow to load
    from spanledger_api.access.key_endpoints import shown_key  # noqa: PLC0415
    from spanledger_api.access.keys import issue_key  # noqa: PLC0415
    from spanledger_api.access.local_changes import record_key, record_schema  # noqa: PLC0415
    from spanledger_api.access.principal import COMMAND_LINE  # noqa: PLC0415
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415
    from spanledger_clickhouse.migrations import check_schema, migrate  # noqa: PLC0415

    wanted = _wanted(asked)
    with open_ledger(dsn) as ledger:
        if ledger.dsn.embedded:
            record_schema(ledger, migrate(ledger), ())
        else:
            check_schema(ledger)
        key, made = issue_key(ledger, wanted, COMMAND_LINE)
        record_key(ledger, Action.KEY_CREATED, made)
    return {**shown_key(made), "key": key}


def _wanted(asked: Mapping[str, object]) -> NewKey:
    from spanledger_api.access import Role  # noqa: PLC0415 - slow to load
    from spanledger_api.access.key_endpoints import chosen_scope  # noqa: PLC0415
    from spanledger_api.access.keys import NewKey  # noqa: PLC0415

    user_id, service = (cast("str | None", asked[name]) for name in ("user_id", "service"))
    seconds = cast("int | None", asked["expires_in_seconds"])
    return NewKey(
        name=str(asked["name"]),
        role=Role(str(asked["role"])),
        scope=chosen_scope(user_id, service),
        lifetime=None if seconds is None else timedelta(seconds=seconds),
    )


def _list_here(dsn: str) -> list[dict[str, object]]:
    from spanledger_api.access.key_endpoints import shown_key  # noqa: PLC0415 - the engine is slow to load
    from spanledger_api.access.keys import read_keys  # noqa: PLC0415
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415
    from spanledger_clickhouse.migrations import check_schema  # noqa: PLC0415

    with open_ledger(dsn) as ledger:
        check_schema(ledger)
        return [shown_key(key) for key in read_keys(ledger)]


def _revoke_here(dsn: str, key_id: str) -> dict[str, object]:
    from spanledger_api.access import Action  # noqa: PLC0415 - slow to load
    from spanledger_api.access.key_endpoints import shown_key  # noqa: PLC0415
    from spanledger_api.access.keys import revoke_key  # noqa: PLC0415
    from spanledger_api.access.local_changes import record_key  # noqa: PLC0415
    from spanledger_clickhouse.ledger import open_ledger  # noqa: PLC0415
    from spanledger_clickhouse.migrations import check_schema  # noqa: PLC0415

    with open_ledger(dsn) as ledger:
        check_schema(ledger)
        key: AccessKey | None = revoke_key(ledger, key_id)
        if key is None:
            message = f"There is no key {key_id!r}; `spanledger keys list` shows those there are."
            raise InvalidRequestError(message)
        record_key(ledger, Action.KEY_REVOKED, key)
    return shown_key(key)


def _words(scope: object) -> str | None:
    if not scope:
        return None
    stated = {name: value for name, value in cast("dict[str, object]", scope).items() if value is not None}
    return ", ".join(f"{name} {value}" for name, value in stated.items())
