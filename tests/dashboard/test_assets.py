"""What a browser is given: pages without data, files under addresses of their content, texts in every language."""

from __future__ import annotations

import hashlib
import json
import re
from string import Formatter
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from spanledger_api.app import create_app
from spanledger_api.dashboard import PAGES, is_page
from spanledger_api.dashboard.assets import SHELL, load_assets
from spanledger_api.dashboard.pages import CONTENT_SECURITY_POLICY
from spanledger_api.messages import Locale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spanledger_clickhouse.ledger import Ledger

_KILOBYTE = 1024
_FILES = load_assets().files
_OWN_SCRIPTS = {
    name: asset.content.decode()
    for name, asset in _FILES.items()
    if name.endswith(".js") and not name.startswith("vendor/")
}


@pytest.fixture(scope="module")
def client(migrated_ledger: Ledger) -> Iterator[TestClient]:
    """A client of the app."""
    with TestClient(create_app(migrated_ledger, locale=Locale.ENGLISH)) as client:
        yield client


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_the_shell(client: TestClient, path: str) -> None:
    """Each address answers with the same page, under a policy that lets nothing in from elsewhere."""
    path = path.replace("{name:path}", "a%2Fb")
    answer = client.get(path)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["Cache-Control"] == "no-cache"
    assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert is_page(path)


def test_what_is_no_page_stays_what_it_is(client: TestClient) -> None:
    """Unknown addresses and those of the API do not become pages."""
    assert client.get("/nowhere").status_code == 404
    assert not is_page("/api/executions")
    assert not is_page("/docs")


def test_the_shell_holds_nothing_inline(client: TestClient) -> None:
    """It has no script and no style of its own, and every file that it names is there."""
    page = client.get("/").text
    named = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)

    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", page)
    assert "://" not in page
    assert len(named) > 20
    assert {client.get(name).status_code for name in named} == {200}


def test_files_are_kept_for_good_and_only_under_their_version(client: TestClient) -> None:
    """A file's address changes with any file's content, so a browser never asks again; another version is not there."""
    version = load_assets().version
    answer = client.get(f"/assets/{version}/main.js")

    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.content == _FILES["main.js"].content
    plain = client.get(f"/assets/{version}/main.js", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.content == answer.content
    assert client.get("/assets/0123456789abcdef/main.js").status_code == 404
    assert client.get(f"/assets/{version}/../pages.py").status_code == 404


def test_everything_together_is_small() -> None:
    """All that the browser ever loads is below 110 KB compressed."""
    loaded = [asset for name, asset in _FILES.items() if not name.endswith((".txt", ".md"))]

    assert sum(len(asset.compressed) for asset in loaded) < 110 * _KILOBYTE


def test_files_of_others_are_what_they_were() -> None:
    """Each file of others has the sum that the list beside it states, and each has its licence."""
    listed = re.findall(
        r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", _FILES["vendor/README.md"].content.decode(), re.MULTILINE
    )
    code = {name.removeprefix("vendor/") for name in _FILES if re.fullmatch(r"vendor/.*\.(js|css)", name)}

    assert {name for name, _ in listed} == code
    for name, expected in listed:
        assert hashlib.sha256(_FILES[f"vendor/{name}"].content).hexdigest() == expected
    assert {"vendor/uPlot.LICENSE.txt", "vendor/htm.LICENSE.txt", "vendor/preact.LICENSE.txt"} <= set(_FILES)


def test_own_scripts_name_no_other_host() -> None:
    """Nothing is loaded from elsewhere; the one address in them is the collector's, in an instruction."""
    hosts = {host for text in _OWN_SCRIPTS.values() for host in re.findall(r"https?://([\w.:-]+)", text)}

    assert hosts == {"127.0.0.1:4318"}
    assert "://" not in _FILES[SHELL].content.decode()


def _catalogue(locale: Locale) -> dict[str, str]:
    texts: dict[str, str] = json.loads(_FILES[f"locales/{locale}.json"].content)
    return texts


def _values(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_the_languages_have_the_same_texts() -> None:
    """Every language has every text, none of them empty, with the same values to fill in."""
    english, chinese = _catalogue(Locale.ENGLISH), _catalogue(Locale.TRADITIONAL_CHINESE)

    assert set(english) == set(chinese)
    assert all(english.values())
    assert all(chinese.values())
    assert {key: _values(text) for key, text in english.items()} == {
        key: _values(text) for key, text in chinese.items()
    }


def test_every_text_that_is_asked_for_is_there() -> None:
    """Each key in the scripts is in the catalogue, and each group of keys that is made up on the way has members."""
    known = set(_catalogue(Locale.ENGLISH))
    scripts = "\n".join(_OWN_SCRIPTS.values())
    keys = set(re.findall(r'\bt\(\s*(?:[^()"`?]*\? )?"([\w.-]+)"', scripts))
    groups = set(re.findall(r"\bt\(\s*(?:[^()\"`]*\? )?`([\w.-]+)\$\{", scripts))

    assert len(keys) > 100
    assert keys - known == set()
    assert {group for group in groups if not any(key.startswith(group) for key in known)} == set()
