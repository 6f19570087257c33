"""``docs/reference/clients.md``: what the tests of this directory have seen, as a table.

``python -m tests.clients.reference --write`` writes it; without the flag it is printed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from tests.clients.environments import PINS, ROOT, pinned
from tests.clients.instrumentations import PACKAGES, WATCHES
from tests.clients.matrix import CELLS, GENERATOR_CELLS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PAGE", "page"]

PAGE: Final = ROOT / "docs" / "reference" / "clients.md"

_PAGE: Final = """\
# Clients

Whatever speaks OTLP can be pointed at Spanledger. An OpenTelemetry SDK needs one variable:

```
OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318   # OTLP/HTTP, in protobuf or JSON
OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317   # OTLP/gRPC
```

Both tables are made from the tests in `tests/clients`, which run each line with the client as it is published:
`python -m tests.clients.reference --write`.

## Exporters

Each sends hundreds of spans that state their cost in every form, half of them twice; the totals of the reports are
equal to the last digit. The last column is what was seen on the wire.

{exporters}

What to know about some of them:

- When the collector is out of room it answers 503 with `Retry-After: 1`, or `UNAVAILABLE`. The SDKs' exporters come
  back then and nothing is lost, but for one: **the JavaScript exporter for gRPC drops a batch at the first refusal**,
  whatever the reason. Use one of its HTTP exporters where that matters.
- A request that is refused for what it is (400, 413, 415) is not sent again. The exporters drop it, and it is counted
  in the metric `spanledger_collector_requests_refused_total` by reason.
- A path with a slash at its end is taken as well. There are no redirects: exporters take one for success.
- The Python exporter for gRPC does not start with `OTEL_EXPORTER_OTLP_COMPRESSION=none`; leave the variable unset.
- rotel compresses whatever `--otlp-exporter-compression` says.

## Instrumentations

Calls that another instrumentation describes are priced after arrival. Each line is chat, a stream with `include_usage`,
embeddings and responses, called with OpenAI's client: four records of the right amount, whoever watches, in whatever
order the spans arrive. "In an agent" is inside a span that repeats what its calls used, which is not counted.

{instrumentations}

A stream without `include_usage` has no usage that another instrumentation could report.
"""


def page() -> str:
    """The text of the page."""
    exporters = [
        (cell.client, cell.version, cell.protocol, cell.compression, cell.spoken) for cell in (*CELLS, *GENERATOR_CELLS)
    ]
    watches = [
        (
            " and ".join(map(_package, watch.names)),
            " and ".join(_version(watch.environment, name) for name in watch.names),
            "in an agent" if watch.agent else "by itself",
        )
        for watch in WATCHES
    ]
    return _PAGE.format(
        exporters=_table(("Client", "Version", "Protocol", "Compression", "Seen"), exporters),
        instrumentations=_table(("Instrumentation", "Version", "Calls"), watches),
    )


def _package(name: str) -> str:
    return f"`{PACKAGES[name]}`"


def _version(environment: str, name: str) -> str:
    return "this one" if name == "spanledger" else pinned(PINS / f"{environment}.txt", PACKAGES[name])


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page())
    else:
        sys.stdout.write(page())
