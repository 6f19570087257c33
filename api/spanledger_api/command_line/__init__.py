"""The ``spanledger`` command: one group, each subcommand imported only when it is asked for."""

from __future__ import annotations

import atexit
import gc
import sys
from importlib import import_module
from typing import NoReturn

import click

from spanledger.exceptions import SpanledgerError
from spanledger.version import __version__

__all__ = ["group", "main"]

_COMMANDS = {
    "alerts": "Show, try, acknowledge and mute alerts.",
    "api": "Serve the reports over HTTP.",
    "collector": "Receive OTLP and load it into the ledger.",
    "completion": "Print the completion script of a shell.",
    "copy": "Copy a ledger into an empty one, e.g. on a server.",
    "demo": "Run sample engines against a live ledger and print what they cost.",
    "doctor": "Check a ledger and its directory, and send again what was set aside.",
    "keys": "Make, list and revoke keys of the API.",
    "export": "Take records out as CSV, JSON lines, Parquet or FOCUS.",
    "migrate": "Bring the ledger's schema up to date.",
    "prices": "Look up, check and apply the price book.",
    "query": "Run one SQL statement that reads.",
    "reconcile": "Set a provider's bill beside what the ledger computed.",
    "report": "Print a report of the running API.",
    "reprice": "Price records of the past again, after a preview, and take it back.",
    "run": "Run a Python program metered, without a change to it.",
    "spool": "List, send again or discard what a collector has not taken.",
    "top": "Watch what today costs, live in the terminal.",
    "up": "Run collector, ledger and API in one process.",
}
"""Name and one-line help of each subcommand; it lives in the module of the same name as ``command``."""


class _LazyGroup(click.Group):
    """A group that knows its subcommands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in alphabetical order."""
        del ctx
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a subcommand; None if there is no such subcommand."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print names and one-line helps without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="spanledger")
def group() -> None:
    """The exact ledger of what AI and media workloads cost and how long they take."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage.

    Args:
        arguments: The words after ``spanledger``; None takes those of the process.
    """
    _look_for_little_garbage()
    try:
        # click returns the code of a command that exits by itself.
        code = group.main(args=arguments, prog_name="spanledger", standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except (click.Abort, KeyboardInterrupt):  # the second from where click does not look for it
        _forget_unhandled_interrupt()
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SpanledgerError as error:
        click.echo(f"spanledger: {error}", err=True)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("spanledger"):
            raise
        click.echo(f"spanledger: {error.name} is not installed; pip install 'spanledger[server]'", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _look_for_little_garbage() -> None:
    """Let a command start and end sooner: most of what it makes are modules, which stay to the end.

    Looking among them for garbage took a quarter of a start, and another quarter once more before the exit.
    """
    gc.set_threshold(50_000, 20, 100)
    atexit.register(gc.freeze)


def _forget_unhandled_interrupt() -> None:
    """Let the exit status of ``python -m`` be the one that is asked for.

    CPython holds an interrupt that meets code made from a string, as every dataclass is, for one that nobody handles,
    and ends by the signal although somebody does. The next such code takes that back.
    """
    exec("")  # noqa: S102 - there is nothing in it
