"""The SQL names the attributes that the reader of conventions looks at, all of them and no others."""

from __future__ import annotations

import re

from spanledger.attributes import COST_OPERATION, COST_QUANTITY, COST_SERVICE, COST_UNIT
from spanledger.conventions import FOREIGN_ATTRIBUTES, FOREIGN_USAGE
from spanledger_clickhouse.migrations import known_migrations


def _names(text: str) -> set[str]:
    return set(re.findall(r"'([a-z_.]+)'", text))


def test_the_view_keeps_and_finds_every_known_attribute() -> None:
    """An alias that is added to the reader must be added to the view, or it would never be seen."""
    sql = [migration.sql for migration in known_migrations() if "usage_spans_mv" in migration.sql][-1]
    kept = re.search(r"k IN \((.*?)\n {4}\), a\)", sql, re.DOTALL)
    found = re.search(r"hasAny\(mapKeys\(SpanAttributes\), \[(.*?)\]\)", sql, re.DOTALL)
    assert kept is not None
    assert found is not None

    own = {COST_SERVICE, COST_OPERATION, COST_QUANTITY, COST_UNIT}
    assert _names(kept[1]) == own | set(FOREIGN_ATTRIBUTES)
    assert _names(found[1]) == set(FOREIGN_USAGE)
