"""How much memory an export takes, and how fast it goes.

Usage: ``python benchmarks/exports.py [--records 1000000] [--forms csv,parquet]``. A ledger with so many records of
ninety days is exported as a whole in each form, each time by a new process. Prints one line of JSON: for each form the
megabytes of the export, the seconds, and the process's resident megabytes before and at the highest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from spanledger_clickhouse.exports import ExportFormat, ExportTable, Selection, stream
from spanledger_clickhouse.ledger import open_ledger
from spanledger_clickhouse.migrations import migrate

_MEGABYTE = 1024**2
_END = 2**62


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--forms", default=",".join(ExportFormat))
    parser.add_argument("--of", nargs=2, help=argparse.SUPPRESS, metavar=("DSN", "FORM"))
    told = parser.parse_args()
    if told.of is not None:
        json.dump(_measured(*told.of), sys.stdout)
        return
    with tempfile.TemporaryDirectory(prefix="spanledger-bench-") as directory:
        dsn = f"chdb://{Path(directory) / 'ledger'}"
        _fill(dsn, told.records)
        found = {form: _in_a_process(dsn, form) for form in told.forms.split(",")}
    json.dump({"records": told.records, **found}, sys.stdout)
    sys.stdout.write("\n")


def _fill(dsn: str, records: int) -> None:
    from filled_ledger import fill_ledger  # noqa: PLC0415 - it loads the API, whose memory is not an export's

    with open_ledger(dsn) as ledger:
        migrate(ledger)
        fill_ledger(ledger, records)


def _in_a_process(dsn: str, form: str) -> object:
    command = [sys.executable, __file__, "--of", dsn, form]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def _measured(dsn: str, form: str) -> dict[str, float]:
    selection = Selection(ExportTable.COST_RECORDS, ExportFormat(form), 0, _END)
    with open_ledger(dsn) as ledger:
        before, began, length = _resident("VmRSS"), time.monotonic(), 0
        for piece in stream(ledger, selection):
            length += len(piece)
        return {
            "megabytes": round(length / _MEGABYTE, 1),
            "seconds": round(time.monotonic() - began, 1),
            "resident_before": before,
            "resident_highest": _resident("VmHWM"),
        }


def _resident(which: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{which}:")[1].split()[0]) // 1024


if __name__ == "__main__":
    main()
