"""Who asks, what they may do and which rows they see.

A handler that changes something, or shows what only administrators may see, takes an argument annotated
:data:`Administrator`; one that says on whose behalf it answers takes :data:`Reader`. Both receive the
:class:`Principal`. What such a handler changes it tells :func:`record`.
"""

from __future__ import annotations

from spanledger_api.access.audit import Action, record
from spanledger_api.access.dependencies import Administrator, Reader
from spanledger_api.access.principal import Authentication, Principal, Role, RowScope

__all__ = ["Action", "Administrator", "Authentication", "Principal", "Reader", "Role", "RowScope", "record"]
