"""The analysts' user of a server: reads the ledger in SQL and nothing else, inside limits."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from typing import TYPE_CHECKING, Final

from clickhouse_connect.driver.exceptions import DatabaseError

from spanledger import environment
from spanledger.exceptions import ConfigurationError
from spanledger_clickhouse.migrations import NEEDED_RIGHTS, NOT_ALLOWED, deployed, known_migrations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spanledger_clickhouse.ledger import Ledger

__all__ = ["ANALYST", "admit_analyst"]

ANALYST: Final = "analyst"
"""The user's name; its role, profile and quota are those of the migrations."""

_ROLE: Final = "spanledger_analyst"
_SHORTEST: Final = 16
_SALT_BYTES: Final = 32
_log = logging.getLogger(__name__)


def admit_analyst(ledger: Ledger, variables: Mapping[str, str] = os.environ) -> bool:
    """Make the analysts' user, or give it the present password; without a password nothing is done.

    Only a salted hash of the password goes to the server, so it is in no log of statements. Roles and rights are made
    sure of first: a migration that came without the rights to make them had passed them over.

    Args:
        ledger: A ledger with the current schema.
        variables: Where ``SPANLEDGER_ANALYST_PASSWORD`` may be.

    Returns:
        Whether there is such a user now.

    Raises:
        ConfigurationError: The password is short, or whoever the DSN names may not make users.
    """
    password = variables.get(environment.ANALYST_PASSWORD)
    if not password:
        return False
    if len(password) < _SHORTEST:
        message = f"{environment.ANALYST_PASSWORD} is shorter than {_SHORTEST} characters; take `openssl rand -hex 32`."
        raise ConfigurationError(message)
    if ledger.dsn.embedded:
        _log.warning("%s does nothing here: the embedded engine has no users.", environment.ANALYST_PASSWORD)
        return False
    rights = [statement for each in known_migrations() if each.is_of_access for statement in each.statements]
    try:
        for statement in deployed(ledger, [*rights, *_user(password)]):
            ledger.command(statement)
    except DatabaseError as error:
        if error.code not in NOT_ALLOWED:
            raise
        message = f"{ledger.dsn.username} may not make the analysts' user on {ledger.dsn.host}: {NEEDED_RIGHTS}"
        raise ConfigurationError(message) from error
    return True


def _user(password: str) -> list[str]:
    salt = secrets.token_hex(_SALT_BYTES)
    digest = hashlib.sha256((password + salt).encode()).hexdigest().upper()
    proof = f"IDENTIFIED WITH sha256_hash BY '{digest}' SALT '{salt}'"
    return [
        f"CREATE USER IF NOT EXISTS {ANALYST} {proof} DEFAULT ROLE {_ROLE}",
        f"ALTER USER {ANALYST} {proof}",
        f"GRANT {_ROLE} TO {ANALYST}",
    ]
