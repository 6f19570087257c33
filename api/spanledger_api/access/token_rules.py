"""The file that says whose tokens are accepted and what their claims allow."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from spanledger import environment
from spanledger.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Grant", "TokenRules", "rules_from_environment"]


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one value of the role claim allows.

    Attributes:
        value: The value.
        role: ``read`` or ``admin``.
        user_id_claim: Claim with the user whose rows are seen; None: all rows.
        service_claim: Claim with the service whose rows are seen; None: all rows.
    """

    value: str
    role: str
    user_id_claim: str | None = None
    service_claim: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.role not in {"read", "admin"}:
            message = f"role must be read or admin, not {self.role!r}"
            raise ValueError(message)
        if self.role != "read" and (self.user_id_claim or self.service_claim):
            message = "only role read can be bound to some rows"
            raise ValueError(message)
        if self.user_id_claim and self.service_claim:
            message = "rows are bound to a user or to a service, not to both"
            raise ValueError(message)


class TokenRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose tokens are accepted.

    Attributes:
        issuer: What the tokens' ``iss`` says, to the letter; the provider's address.
        audience: What their ``aud`` names.
        grants: What they allow; of several that fit the first counts.
        jwks_url: Where the issuer's keys are; None asks its discovery document.
        role_claim: Claim that the grants go by; dots lead into objects.
        name_claim: Claim with a name for people.
        leeway_seconds: By how much the clocks of issuer and server may differ.
    """

    issuer: str
    audience: str
    grants: list[Grant]
    jwks_url: str | None = None
    role_claim: str = "roles"
    name_claim: str = "name"
    leeway_seconds: int = 30

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not self.issuer or not self.audience or not self.grants:
            message = "issuer, audience and at least one grant are needed"
            raise ValueError(message)


def rules_from_environment(variables: Mapping[str, str] = os.environ) -> TokenRules | None:
    """The rules in the file that ``SPANLEDGER_OIDC`` names; None where it names none.

    Raises:
        ConfigurationError: The file is missing or says something that cannot be used.
    """
    path = variables.get(environment.OIDC)
    if not path:
        return None
    try:
        return msgspec.convert(tomllib.loads(Path(path).read_text(encoding="utf-8")), TokenRules)
    except (OSError, ValueError) as error:
        message = f"{environment.OIDC} names {path}, which cannot be used: {error}"
        raise ConfigurationError(message) from error
