"""The page on the command line: what each command says of itself."""

from __future__ import annotations

import click

from documentation.markdown import GENERATED
from spanledger_api.command_line import group

__all__ = ["command_line_page"]

_WIDTH = 100


def command_line_page() -> str:
    """Every command with its options."""
    introduction = (
        "Data goes to stdout, notes to stderr. Exit status: 0 done, 1 failed, 2 wrong usage, 3 a budget is exceeded "
        "(`spanledger report budget --check`)."
    )
    return "\n\n".join([f"{GENERATED}\n# Command line\n\n{introduction}", *_sections(group, "spanledger", 2)]) + "\n"


def _sections(command: click.Command, path: str, level: int) -> list[str]:
    # The names of the help option are those of the group; a command remembers the first it was asked with.
    names = group.context_settings["help_option_names"]
    with click.Context(
        command, info_name=path, terminal_width=_WIDTH, max_content_width=_WIDTH, help_option_names=names
    ) as context:
        own = f"{'#' * level} `{path}`\n\n```text\n{command.get_help(context).rstrip()}\n```"
        if not isinstance(command, click.Group):
            return [own]
        children = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    sections = [own]
    for name, child in children:
        if child is not None and not child.hidden:
            sections += _sections(child, f"{path} {name}", min(level + 1, 4))
    return sections
