"""The command line as a module: ``python -m spanledger_api.command_line``."""

from __future__ import annotations

from spanledger_api.command_line import main

if __name__ == "__main__":
    main()
