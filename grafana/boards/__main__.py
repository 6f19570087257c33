"""Write every file that Grafana reads of boards and alert rules; ``--check`` only says whether they are up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from boards.files import rendered

ROOT = Path(__file__).parents[1]


def main(check: bool) -> int:  # noqa: FBT001 - the script's only word
    """Write the files, or compare them; 1 if a comparison finds a difference."""
    files = rendered()
    stale = [name for name, text in files.items() if not _says(ROOT / name, text)]
    kept = {str(path.relative_to(ROOT)) for path in (ROOT / "dashboards").rglob("*.json")}
    stale += sorted(kept - set(files))
    if check:
        sys.stderr.writelines(f"boards: {name} differs; run `make boards`\n" for name in stale)
        return bool(stale)
    for name, text in files.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


def _says(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
