"""Which records a re-pricing is about."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Scope"]


@dataclass(frozen=True, slots=True)
class Scope:
    """A stretch of time, narrowed to a service or a user.

    Attributes:
        start: First instant inside, in nanoseconds since 1970 UTC; by when the paid operation started.
        end: First instant after it.
        service: This service only; None takes all.
        user_id: This user only; None takes all, an empty text those without a user.
    """

    start: int
    end: int
    service: str | None = None
    user_id: str | None = None

    @property
    def sql(self) -> str:
        """The conditions on ``cost_records_local``, joined by AND."""
        conditions = [
            "started_at >= fromUnixTimestamp64Nano({scope_start:Int64}, 'UTC')",
            "started_at < fromUnixTimestamp64Nano({scope_end:Int64}, 'UTC')",
        ]
        if self.service is not None:
            conditions.append("service = {scope_service:String}")
        if self.user_id is not None:
            conditions.append("user_id = {scope_user:String}")
        return " AND ".join(conditions)

    @property
    def parameters(self) -> dict[str, object]:
        """The values that the conditions bind."""
        return {
            "scope_start": self.start,
            "scope_end": self.end,
            "scope_service": self.service or "",
            "scope_user": self.user_id or "",
        }
