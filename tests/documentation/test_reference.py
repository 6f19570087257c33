"""The documentation against the product that it describes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from documentation.constants import constants_of
from spanledger import attributes, environment

_ROOT = Path(__file__).parent.parent.parent
_DOCS = _ROOT / "docs"


def test_every_reference_page_is_what_its_source_says(tmp_path: Path) -> None:
    """Attributes, settings, tables, paths, commands, metrics and prices stand in the docs as they are declared."""
    # In a process of its own, as a command remembers how it was first asked for help.
    subprocess.run([sys.executable, "-m", "documentation", str(tmp_path)], cwd=_ROOT, check=True)

    for page in sorted((tmp_path / "reference").iterdir()):
        written = (_DOCS / "reference" / page.name).read_text(encoding="utf-8")
        assert written == page.read_text(encoding="utf-8"), f"{page.name} is out of date: run `make reference`"


def test_every_constant_has_a_meaning() -> None:
    """No attribute and no variable is declared without saying what it means."""
    for module in (attributes, environment):
        declared = {
            name
            for name, value in vars(module).items()
            if name.isupper() and isinstance(value, str) and not name.startswith("_")
        }

        assert declared == {constant.name for constant in constants_of(module)}


def test_every_link_of_the_site_leads_somewhere(tmp_path: Path) -> None:
    """The site builds without a warning: no page is missing in it and no link or anchor is broken."""
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert built.returncode == 0, built.stderr
    assert (tmp_path / "site" / "reference" / "http-api" / "index.html").exists()
