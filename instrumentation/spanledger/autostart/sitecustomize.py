"""Found by the interpreter when it starts, since ``spanledger run`` puts its folder first on the path."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

_HERE = Path(__file__).parent


def _yield_to_the_next() -> None:
    """Run the ``sitecustomize`` that this one hides, if there is one."""
    ours = sys.modules.pop("sitecustomize")
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".") != _HERE]
    try:
        import_module("sitecustomize")
    except ModuleNotFoundError as error:
        if error.name != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = ours


def _start() -> None:
    try:
        begin = import_module("spanledger.autostart.start")
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"spanledger: {sys.executable} lacks {error.name}, so its program runs without being metered\n"
        )
        return
    begin.start()


_yield_to_the_next()
_start()
