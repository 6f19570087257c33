"""What ``spanledger run`` runs: the words of a command line, and the environment that meters it."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from spanledger import environment
from spanledger.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["command_line", "metered_environment"]

DEFAULT_TASK_TYPE: Final = "program"
"""The kind of task where only a user or an execution is named."""

_INTERPRETER: Final = frozenset({"python", "python3"})
"""Means the one that Spanledger is installed for; the first on the path may be another."""

_AUTOSTART: Final = Path(__file__).parent / "autostart"


def command_line(words: Sequence[str]) -> list[str]:
    """The command to execute, its first word a path.

    Args:
        words: A program on the path with its arguments; or a ``.py`` file, ``-m module`` or the bare name of a module,
            which this interpreter runs, as it runs ``python``.

    Raises:
        ConfigurationError: There is no such program.
    """
    name = words[0]
    if name == "-m" or name.endswith(".py"):
        return [sys.executable, *words]
    if name in _INTERPRETER:
        return [sys.executable, *words[1:]]
    found = shutil.which(name)
    if found is not None:
        return [found, *words[1:]]
    if all(part.isidentifier() for part in name.split(".")) and _is_module(name):
        return [sys.executable, "-m", *words]
    message = f"{name!r} is neither a program on the path nor a module; check its name"
    raise ConfigurationError(message)


def _is_module(name: str) -> bool:
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - where `python -m` looks first
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
    finally:
        del sys.path[0]


def metered_environment(
    variables: Mapping[str, str],
    *,
    service_name: str | None = None,
    endpoint: str | None = None,
    prices: str | None = None,
) -> dict[str, str]:
    """The environment in which a Python program starts metered.

    Args:
        variables: The environment to begin with.
        service_name: The engine's ``service.name``; None leaves ``OTEL_SERVICE_NAME`` as it is.
        endpoint: Base address of the collector; None leaves ``OTEL_EXPORTER_OTLP_ENDPOINT`` as it is.
        prices: TOML file with own price rows; None leaves ``SPANLEDGER_PRICES`` as it is.
    """
    entries = variables.get("PYTHONPATH", "").split(os.pathsep)
    others = [entry for entry in entries if entry and Path(entry) != _AUTOSTART]
    stated = {
        environment.SERVICE_NAME: service_name,
        environment.OTLP_ENDPOINT: endpoint,
        environment.PRICES: None if prices is None else str(Path(prices).absolute()),
    }
    metered = {
        **variables,
        **{name: value for name, value in stated.items() if value is not None},
        "PYTHONPATH": os.pathsep.join([str(_AUTOSTART), *others]),
        environment.ROOT_PROCESS: str(os.getpid()),
    }
    if any(metered.get(name) for name in (environment.USER_ID, environment.EXECUTION_ID, environment.TASK_TYPE)):
        metered[environment.EXECUTION_ID] = metered.get(environment.EXECUTION_ID) or str(uuid4())
        metered[environment.TASK_TYPE] = metered.get(environment.TASK_TYPE) or DEFAULT_TASK_TYPE
    return metered
