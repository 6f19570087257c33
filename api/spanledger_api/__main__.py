"""``python -m spanledger_api`` is the ``spanledger`` command."""

from spanledger_api.command_line import main

main()
