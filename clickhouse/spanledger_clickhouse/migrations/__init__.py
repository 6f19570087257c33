"""The ledger's schema as numbered SQL files, applied in order and each once."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from clickhouse_connect.driver.exceptions import DatabaseError

from spanledger.exceptions import MigrationError
from spanledger_clickhouse.cluster import Cluster

if TYPE_CHECKING:
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["NEEDED_RIGHTS", "NOT_ALLOWED", "Migration", "check_schema", "deployed", "known_migrations", "migrate"]

_FILE_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_STATEMENT_END = re.compile(r";[ \t]*$", re.MULTILINE)
_OF_ACCESS = re.compile(r"^-- access-management$", re.MULTILINE)
_COMMENT_LINE = re.compile(r"^\s*--.*$", re.MULTILINE)

NOT_ALLOWED: Final = frozenset({497, 514, 495})
"""The server's codes where roles cannot be made: ACCESS_DENIED, ACCESS_STORAGE_FOR_INSERTION_NOT_FOUND, …_READONLY."""

NEEDED_RIGHTS: Final = (
    "GRANT ACCESS MANAGEMENT ON *.* and GRANT SELECT ON the ledger's database WITH GRANT OPTION, or access_management "
    "in users.xml, and a user_directories entry that can be written, let it."
)
"""What whoever makes roles needs, for people."""

_log = logging.getLogger(__name__)

_RECORD_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    version    UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file.

    Attributes:
        version: The number the file's name begins with.
        name: The rest of the name.
        sql: Its statements, each ended by a semicolon at the end of a line.
    """

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the statements, comments and blank lines left out."""
        return hashlib.sha256("\n".join(self.statements).encode()).hexdigest()

    @property
    def is_of_access(self) -> bool:
        """Whether it makes roles and the like and no tables: an embedded engine has none, so it is only noted there.

        Its file says so by a line ``-- access-management``. On a server it needs rights that the ledger itself does
        not; without them it is passed over, and :func:`spanledger_clickhouse.analyst.admit_analyst` makes up for it.
        """
        return bool(_OF_ACCESS.search(self.sql))

    @property
    def statements(self) -> list[str]:
        """The statements in order, without comments at the start of lines."""
        bare = _COMMENT_LINE.sub("", self.sql)
        return [statement.strip() for statement in _STATEMENT_END.split(bare) if statement.strip()]


def known_migrations() -> list[Migration]:
    """The migrations this program carries, in order.

    Raises:
        MigrationError: A number is missing or stands twice.
    """
    found = sorted(
        (
            Migration(int(match[1]), match[2], resource.read_text(encoding="utf-8"))
            for resource in files(__name__).iterdir()
            if (match := _FILE_NAME.fullmatch(resource.name))
        ),
        key=lambda migration: migration.version,
    )
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        message = f"Migration numbers must run from 1 without gaps, not {[m.version for m in found]}."
        raise MigrationError(message)
    return found


def migrate(ledger: Ledger, migrations: list[Migration] | None = None) -> list[Migration]:
    """Bring the ledger's schema up to date.

    Every statement may run again, so a migration that was interrupted is simply applied once more, and processes that
    migrate the same ledger side by side do each other no harm.

    Args:
        ledger: The ledger to change.
        migrations: What to apply; None takes :func:`known_migrations`.

    Returns:
        What was applied now, in order; empty if the schema was current.

    Raises:
        MigrationError: An applied migration was edited afterwards, or the ledger is newer than this program. Nothing
            has been changed then.
    """
    known = known_migrations() if migrations is None else migrations
    ledger.create_database()
    for statement in deployed(ledger, [_RECORD_TABLE.strip()], known):
        ledger.command(statement)
    applied = _applied(ledger)
    _check_history(known, applied)
    pending = [migration for migration in known if migration.version not in applied]
    for migration in pending:
        _apply(ledger, migration, known)
        ledger.command(
            "INSERT INTO schema_migrations (version, name, checksum) "
            "SELECT {version:UInt32}, {name:String}, {checksum:String}",
            {"version": migration.version, "name": migration.name, "checksum": migration.checksum},
        )
    return pending


def _apply(ledger: Ledger, migration: Migration, known: list[Migration]) -> None:
    if migration.is_of_access and ledger.dsn.embedded:
        _log.info("%s is for servers: the embedded engine has no users, its port takes keys.", migration.name)
        return
    try:
        for statement in deployed(ledger, migration.statements, known):
            ledger.command(statement)
    except DatabaseError as error:
        if not migration.is_of_access or error.code not in NOT_ALLOWED:
            raise
        _log.warning(
            "%s was passed over, since %s may not make roles: %s", migration.name, ledger.dsn.username, NEEDED_RIGHTS
        )


def deployed(ledger: Ledger, statements: list[str], migrations: list[Migration] | None = None) -> list[str]:
    """Statements about the schema as they run on this ledger: as they are, or rewritten for its cluster.

    Args:
        ledger: The ledger.
        statements: What to run, in the form that migrations have.
        migrations: What makes the schema; None takes :func:`known_migrations`.

    Raises:
        MigrationError: A cluster has no form of a statement.
    """
    dsn = ledger.dsn
    if not dsn.cluster:
        return statements
    known = known_migrations() if migrations is None else migrations
    everything = [_RECORD_TABLE.strip(), *(statement for migration in known for statement in migration.statements)]
    cluster = Cluster.of(dsn.cluster, dsn.database, everything)
    return [rewritten for statement in statements for rewritten in cluster.rewritten(statement)]


def check_schema(ledger: Ledger) -> None:
    """Make sure that a ledger has the schema this program knows, without changing it.

    Raises:
        MigrationError: A migration is missing, was edited afterwards, or is unknown to this program.
    """
    known = known_migrations()
    if not ledger.query(
        "SELECT 1 FROM system.tables WHERE database = {database:String} AND name = 'schema_migrations'",
        {"database": ledger.dsn.database},
    ):
        message = "The ledger has no schema yet; run `spanledger migrate` once."
        raise MigrationError(message)
    applied = _applied(ledger)
    _check_history(known, applied)
    if missing := [migration for migration in known if migration.version not in applied]:
        message = f"The ledger lacks migration {missing[0].version:04d}_{missing[0].name}; run `spanledger migrate`."
        raise MigrationError(message)


def _applied(ledger: Ledger) -> dict[object, dict[str, object]]:
    rows = ledger.query("SELECT version, name, checksum FROM schema_migrations FINAL")
    return {row["version"]: row for row in rows}


def _check_history(known: list[Migration], applied: dict[object, dict[str, object]]) -> None:
    by_version = {migration.version: migration for migration in known}
    for version, row in sorted(applied.items(), key=str):
        migration = by_version.get(version) if isinstance(version, int) else None
        if migration is None:
            message = (
                f"The ledger has migration {version} ({row['name']}), which this program does not know; "
                "upgrade Spanledger."
            )
            raise MigrationError(message)
        if row["checksum"] != migration.checksum:
            message = (
                f"Migration {migration.version:04d}_{migration.name} was edited after it ran here; "
                "restore the file and put the change into a new migration."
            )
            raise MigrationError(message)
