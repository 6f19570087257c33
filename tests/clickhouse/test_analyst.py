"""A server's read-only user: statements that ClickHouse reads, over tables that there are, and a hidden password."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from spanledger import environment
from spanledger.exceptions import ConfigurationError
from spanledger_clickhouse.analyst import admit_analyst
from spanledger_clickhouse.dsn import parse_dsn
from spanledger_clickhouse.migrations import deployed, known_migrations, migrate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_clickhouse.ledger import Ledger

_PASSWORD = "correct-horse-battery"  # noqa: S105 - of a test
_ENVIRONMENT = {environment.ANALYST_PASSWORD: _PASSWORD}
_DENIED = 497


class _Server:
    """A server that notes what it is told; it makes no roles for those who may not."""

    def __init__(self, dsn: str, *, allows: bool = True) -> None:
        self.dsn = parse_dsn(dsn)
        self.told: list[str] = []
        self._allows = allows
        self._recorded: list[object] = []

    def create_database(self) -> None:
        """Nothing: it is there."""

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, object]]:
        """It has no migration yet."""
        del sql, parameters
        return []

    def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Note a statement; raises as the server where it is of roles and not allowed."""
        del parameters
        if not self._allows and re.match(r"CREATE (SETTINGS|ROLE|QUOTA|USER)|GRANT", sql):
            message = f"Code: {_DENIED}. Not enough privileges"
            error = DatabaseError(message)
            error.code = _DENIED
            raise error
        self.told.append(sql)

    @property
    def ledger(self) -> Ledger:
        """It in place of a ledger."""
        return cast("Ledger", self)


_SINGLE = "clickhouse://owner:x@db:8123/spanledger"


def _of_access() -> list[str]:
    return [statement for each in known_migrations() if each.is_of_access for statement in each.statements]


@pytest.mark.parametrize("dsn", [_SINGLE, f"{_SINGLE}?cluster=ledger"])
def test_every_statement_is_one(migrated_ledger: Ledger, dsn: str) -> None:
    """ClickHouse's own parser reads each statement, also as a cluster runs it; on a cluster every node does."""
    server = _Server(dsn)
    assert admit_analyst(server.ledger, _ENVIRONMENT)

    for statement in server.told:
        (row,) = migrated_ledger.query("SELECT formatQuery({sql:String}) AS said", {"sql": statement})
        assert row["said"]
        assert ("ON CLUSTER 'ledger'" in statement) is bool(server.dsn.cluster)
    assert len(server.told) > 12


def test_what_is_granted_is_there(migrated_ledger: Ledger) -> None:
    """The role may select from tables of the ledger, which the schema has, and from none of keys; nothing else."""
    grants = [statement for statement in _of_access() if statement.startswith("GRANT")]
    granted = {
        match[1] for each in grants if (match := re.fullmatch(r"GRANT SELECT ON (\w+) TO spanledger_analyst", each))
    }
    there = {
        row["name"] for row in migrated_ledger.query("SELECT name FROM system.tables WHERE database = 'spanledger'")
    }

    assert len(granted) == len(grants) > 0
    assert granted <= there
    assert not any(word in name for name in granted for word in ("key", "audit", "alert", "lease"))


def test_a_cluster_grants_what_its_shards_read() -> None:
    """Rows lie in tables of each shard, which are checked again there."""
    told = deployed(_Server(f"{_SINGLE}?cluster=ledger").ledger, _of_access())

    read = {match[1] for each in told if (match := re.search(r"SELECT ON spanledger\.(\w+) ", each))}
    assert {"cost_records", "cost_records_local", "cost_records_shard", "otel_traces_shard"} <= read


def test_an_embedded_engine_notes_the_migration_only(migrated_ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    """It has no users; the migration counts as applied, and a password makes nobody."""
    names = [row["name"] for row in migrated_ledger.query("SELECT name FROM schema_migrations FINAL")]

    assert "analysts" in names
    assert not admit_analyst(migrated_ledger, _ENVIRONMENT)
    assert "no users" in caplog.text


def test_the_password_is_seen_nowhere() -> None:
    """The server is told a salted hash that fits it, another one each time."""
    proofs: set[tuple[str, str]] = set()
    for _ in range(2):
        server = _Server(_SINGLE)
        admit_analyst(server.ledger, _ENVIRONMENT)
        assert _PASSWORD not in "".join(server.told)
        found = re.findall(r"sha256_hash BY '(\w+)' SALT '(\w+)'", "".join(server.told))
        assert len(set(found)) == 1  # what makes the user and what changes it say the same
        proofs |= set(found)

    assert len(proofs) == 2
    for digest, salt in proofs:
        assert hashlib.sha256((_PASSWORD + salt).encode()).hexdigest().upper() == digest


def test_without_a_password_there_is_no_user() -> None:
    """Roles alone let nobody in; a short password is refused."""
    server = _Server(_SINGLE)

    assert not admit_analyst(server.ledger, {})
    assert server.told == []
    with pytest.raises(ConfigurationError, match="shorter than 16"):
        admit_analyst(server.ledger, {environment.ANALYST_PASSWORD: "short"})


def test_without_the_rights_the_schema_is_made_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """The migration is passed over with a word on what is needed; whoever asks for the user gets that as an error."""
    server = _Server(_SINGLE, allows=False)

    assert any(each.is_of_access for each in migrate(server.ledger))
    assert "owner may not make roles: GRANT ACCESS MANAGEMENT" in caplog.text
    with pytest.raises(
        ConfigurationError, match="owner may not make the analysts' user on db: GRANT ACCESS MANAGEMENT"
    ):
        admit_analyst(server.ledger, _ENVIRONMENT)


def test_other_failures_are_not_passed_over() -> None:
    """Only a lack of rights is; a table that cannot be made still stops everything."""
    server = _Server(_SINGLE, allows=False)
    [access] = [each for each in known_migrations() if each.is_of_access]
    tables = replace(access, sql=access.sql.replace("-- access-management", ""))

    with pytest.raises(DatabaseError):
        migrate(server.ledger, [tables])
