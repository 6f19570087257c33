"""``spanledger run``: run a Python program metered, without a change to it."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from spanledger import environment
from spanledger.pricing import PriceBook
from spanledger.program import command_line, metered_environment

__all__ = ["command"]


@click.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--service-name", envvar=environment.SERVICE_NAME, help="The engine's name in every report.")
@click.option("--endpoint", help="Base address of the collector; OTEL_EXPORTER_OTLP_ENDPOINT where not given.")
@click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False),
    envvar=environment.PRICES,
    help="TOML file with own price rows.",
)
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
def command(service_name: str | None, endpoint: str | None, prices: str | None, words: tuple[str, ...]) -> None:
    """Run a program with every paid call of it metered.

    For example: spanledger run -- python app.py

    The program is a command, a .py file, -m MODULE or a module's name. It takes the place of this process, so its exit
    code and the signals it gets are its own. SPANLEDGER_USER_ID, SPANLEDGER_EXECUTION_ID and SPANLEDGER_TASK_TYPE make
    the whole of it one execution.
    """
    if prices is not None:
        PriceBook.with_overrides(prices)  # a price that cannot be read is an error here, and none of the program's
    variables = metered_environment(os.environ, service_name=service_name, endpoint=endpoint, prices=prices)
    words = words[1:] if words[0] == "--" else words
    argv = command_line(words)
    if sys.platform == "win32":
        sys.exit(subprocess.run(argv, check=False, env=variables).returncode)  # noqa: S603 - what the user asks for
    os.execve(argv[0], argv, variables)  # noqa: S606 - what the user asks for
