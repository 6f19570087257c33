"""Records keep what was used, so that they can be priced again."""

from __future__ import annotations

import re

from spanledger.attributes import (
    COST_USAGE_PREFIX,
    GEN_AI_CACHE_READ_TOKENS,
    GEN_AI_INPUT_TOKENS,
    GEN_AI_OUTPUT_TOKENS,
    GEN_AI_PROVIDER,
    GEN_AI_REASONING_TOKENS,
    GEN_AI_RESPONSE_MODEL,
    OPENAI_SERVICE_TIER,
)
from spanledger_clickhouse.migrations import known_migrations


def test_the_view_keeps_what_engines_are_priced_by() -> None:
    """The SQL names the attributes of usage that an engine's export looks at, and no others."""
    sql = [migration.sql for migration in known_migrations() if "cost_records_mv" in migration.sql][-1]
    kept = re.search(
        r"mapFilter\(\(k, v\) -> startsWith\(k, '([a-z.]+)'\) OR k IN \((.*?)\), a\) AS usage", sql, re.DOTALL
    )

    assert kept is not None
    assert kept[1] == COST_USAGE_PREFIX
    assert set(re.findall(r"'([a-z_.]+)'", kept[2])) == {
        GEN_AI_INPUT_TOKENS,
        GEN_AI_OUTPUT_TOKENS,
        GEN_AI_CACHE_READ_TOKENS,
        GEN_AI_REASONING_TOKENS,
        GEN_AI_PROVIDER,
        GEN_AI_RESPONSE_MODEL,
        OPENAI_SERVICE_TIER,
    }
