"""Which of several rows of one cost record counts: the one of the highest version.

=========================  ============================================================================================
negative                   an arrival, the earliest first (the view writes the negated arrival time)
below :data:`ROUND`        a decision of the rater: its time in ms
``n`` * :data:`ROUND`      what the re-pricing batch number ``n`` made of the record
``n`` * ROUND + ms         what the rater decided later about a record that batch ``n`` had re-priced: the amount of the
                           batch, and whether the record counts
from :data:`REPEATED`      the mark of a record that repeats another one, which nothing takes back
=========================  ============================================================================================

So a re-pricing beats every decision that was made without knowing of it, whenever that is written, and a redelivered
span beats neither.

An arrival stores its time only in its version. Every other row stores it in ``created_at``, and whoever writes a row
from another one takes it from ``arrived_at``, which tells it for either. A row that states ``created_at`` is believed,
whatever its version is, so rows from before that was so show the same time as ever.
"""

from __future__ import annotations

from typing import Final

__all__ = ["REPEATED", "ROUND"]

ROUND: Final = 4_000_000_000_000
"""More than any time in ms until the year 2096, so that rounds do not overlap."""

REPEATED: Final = 2**62
"""Above a million rounds."""
