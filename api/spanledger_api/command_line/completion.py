"""``spanledger completion``: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["command"]

_VARIABLE = "_SPANLEDGER_COMPLETE"
_WHERE = {
    "bash": 'eval "$(spanledger completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(spanledger completion zsh)" in ~/.zshrc',
    "fish": "spanledger completion fish > ~/.config/fish/completions/spanledger.fish",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_WHERE)))
def command(shell: str) -> None:
    """Print the completion script of a shell; a note says where it goes."""
    kind = get_completion_class(shell)
    if kind is None:  # a shell that click has dropped
        message = f"there is no completion for {shell}"
        raise click.UsageError(message)
    click.echo(kind(click.Command("spanledger"), {}, "spanledger", _VARIABLE).source())
    click.echo(f"To complete in every new shell: {_WHERE[shell]}", err=True)
