"""What was used: the calculator's question."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Usage:
    """Metered quantities of one paid operation.

    Attributes:
        service: Who is paid, as in ``cost.service``: ``openai``, ``whisper``, ``s3`` …
        quantities: Meter name to quantity in the meter's base unit (tokens, seconds, bytes). An absent meter was not
            metered; 0 means metered and nothing used.
        model: The model that was asked for; None where the service has no models.
        served_model: The model that answered, where it says; None otherwise.
        provider: Whose catalogue names the model (``openai``, ``azure``); None takes the service.
        tier: The service tier it was served in; None, ``auto`` and ``default`` are the standard one.
        fees: Built-in tool to how many calls of it are paid besides. No tier changes their price.
    """

    service: str
    quantities: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    model: str | None = None
    served_model: str | None = None
    provider: str | None = None
    tier: str | None = None
    fees: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
