"""Every response header of our own, declared once; each report carries them beside its bare list."""

from __future__ import annotations

from typing import Final

DATA_AS_OF: Final = "Spanledger-Data-As-Of"
"""RFC 3339 time at which the newest record in the ledger arrived; absent while the ledger is empty."""

CURRENCY: Final = "Spanledger-Currency"
"""ISO 4217 code of every amount in the body; absent where the body holds no amounts."""

UNPRICED_SHARE: Final = "Spanledger-Unpriced-Share"
"""Share (0 to 1) of the records behind the body that nothing could price, and that therefore add 0 to its amounts."""

FALLBACK_SHARE: Final = "Spanledger-Fallback-Share"
"""Share (0 to 1) of the amount behind the body that was priced by the fallback model's price."""
