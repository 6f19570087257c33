"""Sends new spans to a receiver until its standard input ends, then prints how many were acknowledged.

Usage: ``python benchmarks/sender.py --url http://127.0.0.1:4318 --rate 20000``. What is measured beside it runs in
another process, so that neither holds up the other.
"""

from __future__ import annotations

import argparse
import sys
import threading

from otlp_payload import send_at


def main() -> None:
    """Send until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate", type=int, default=20_000, help="spans a second; 0 sends none")
    told = parser.parse_args()
    stopped = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        stopped.set()

    threading.Thread(target=wait, daemon=True).start()
    print(send_at(told.url, told.rate, stopped), flush=True)


if __name__ == "__main__":
    main()
