"""The files that a browser loads, kept in memory under an address that changes with their content."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

__all__ = ["SHELL", "Asset", "AssetSet", "load_assets"]

SHELL: Final = "shell.html"
"""The page that every address of the dashboard answers with."""

_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_VERSION_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Asset:
    """One file.

    Attributes:
        content: Its bytes.
        compressed: The same as gzip.
        media_type: What a browser takes it for.
    """

    content: bytes
    compressed: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class AssetSet:
    """All files of one version.

    Attributes:
        version: Hexadecimal digest of every name and content; it is part of each address, so a browser may keep a file
            for good and modules of two versions never meet.
        files: Path inside the folder, with slashes, to file.
    """

    version: str
    files: Mapping[str, Asset]


@cache
def load_assets() -> AssetSet:
    """The files that come with this package, read and compressed once a process."""
    found = dict(sorted(_walk(files("spanledger_api.dashboard").joinpath("static"), "")))
    digest = hashlib.sha256()
    for name, content in found.items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return AssetSet(
        digest.hexdigest()[:_VERSION_DIGITS],
        {name: Asset(content, gzip.compress(content, mtime=0), _media_type(name)) for name, content in found.items()},
    )


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()


def _media_type(name: str) -> str:
    # What the machine's own tables say of scripts differs; a browser refuses a module of another type.
    suffix = name[name.rfind(".") :]
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
