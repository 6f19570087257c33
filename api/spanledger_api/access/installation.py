"""Access control as a part of the app: its door, its paths and its place in the document."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from starlette.middleware.cors import CORSMiddleware

from spanledger import environment
from spanledger_api.access import audit_endpoint, key_endpoints, session
from spanledger_api.access.audit_middleware import AuditMiddleware
from spanledger_api.access.documentation import document_access
from spanledger_api.access.middleware import AccessMiddleware
from spanledger_api.body_limit import BodyLimitMiddleware
from spanledger_api.request_ids import REQUEST_ID

if TYPE_CHECKING:
    from fastapi import FastAPI

    from spanledger_api.access.gate import Gate
    from spanledger_api.metrics import Metrics
    from spanledger_clickhouse.ledger import Ledger

__all__ = ["install_access"]


def install_access(app: FastAPI, ledger: Ledger, gate: Gate | None, metrics: Metrics) -> None:
    """Put a gate before everything that the app answers, and note what it lets people change.

    Args:
        app: The app.
        ledger: Where is noted who changed what.
        gate: Decides who may ask; None lets everybody.
        metrics: Shows the gate's counters too.
    """
    app.add_middleware(BodyLimitMiddleware)
    for module in (session, key_endpoints, audit_endpoint):
        app.include_router(module.router)
    if gate is not None:
        app.add_middleware(AccessMiddleware, gate=gate)
    # Around the door, so that it sees who was denied something.
    app.add_middleware(AuditMiddleware, ledger=ledger)
    if gate is None:
        return
    metrics.include(gate.registry)
    document_access(app)
    if origins := [each.strip() for each in os.environ.get(environment.CORS_ORIGINS, "").split(",") if each.strip()]:
        # No cookies are ever read, so a page of these origins needs a key like everybody else.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match", REQUEST_ID],
            expose_headers=["*", "Authorization"],
        )
