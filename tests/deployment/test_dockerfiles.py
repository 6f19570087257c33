"""The Dockerfiles: what they copy is there and reaches the builder, and what they start is safe and known."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spanledger import environment
from tests.clients.environments import Environments
from tests.deployment.files import COMPOSE, DOCKERFILES, ROOT, copied, exec_form, instructions, is_sent

if TYPE_CHECKING:
    from collections.abc import Iterator

# One rule on ground that cannot be had here: the digest of an image is known only where images are.
_WITHOUT_DIGEST = "CL-0019"
# The address of the ledger holds a password, which comes from the environment; the rule takes the rest for it.
_SECRET_IN_ADDRESS = "CL-0020"  # noqa: S105 - a rule's name


@pytest.fixture(scope="module")
def linters() -> Iterator[Path]:
    """The directory of hadolint and compose-lint."""
    environments = Environments()
    yield environments.python("docker_linters").parent
    environments.close()


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_the_linter_finds_nothing(linters: Path, dockerfile: str) -> None:
    """Hadolint, which looks into the shell of every step too, has nothing to say."""
    found = subprocess.run([linters / "hadolint", ROOT / dockerfile], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_composition_passes_the_rules_of_security(linters: Path) -> None:
    """Of OWASP's and CIS's rules only the two fail that are explained above."""
    found = subprocess.run([linters / "compose-lint", "check", COMPOSE], capture_output=True, text=True, check=False)
    assert set(re.findall(r"CL-\d+", found.stdout)) <= {_WITHOUT_DIGEST, _SECRET_IN_ADDRESS}, found.stdout
    assert _WITHOUT_DIGEST in found.stdout


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_what_is_copied_reaches_the_builder(dockerfile: str) -> None:
    """Every source of a COPY is in the repository and not kept away by .dockerignore."""
    sources = copied(dockerfile)
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert is_sent(source), source


@pytest.mark.parametrize("path", [".env", ".git/config", "spanledger-data/x", "tests/conftest.py", ".venv/bin/python"])
def test_nothing_else_reaches_the_builder(path: str) -> None:
    """Secrets, history, ledgers and tests stay where they are."""
    assert not is_sent(path)


def test_every_package_is_sent_whole() -> None:
    """Each source of the wheel reaches the builder, whatever kind of file it is."""
    packages = ["instrumentation/spanledger", "clickhouse/spanledger_clickhouse", "collector/spanledger_collector"]
    for package in (*packages, "api/spanledger_api"):
        for path in (ROOT / package).rglob("*"):
            name = str(path.relative_to(ROOT))
            assert is_sent(name) is ("__pycache__" not in name), name


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_nobody_is_root(dockerfile: str) -> None:
    """The image's last user is one without rights, given by number."""
    users = [rest for word, rest in instructions(dockerfile) if word == "USER"]
    assert users == ["10001:10001"]


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_bases_have_a_version(dockerfile: str) -> None:
    """Every base image is of one patch release."""
    bases = [rest.split()[0] for word, rest in instructions(dockerfile) if word == "FROM"]
    assert len(bases) == 2
    for base in bases:
        assert re.fullmatch(r"[\w/]+:\d+\.\d+\.\d+(-[\w-]+)?", base)


def test_one_python_builds_and_runs() -> None:
    """The virtual environment names its interpreter by path: both stages must have the same."""
    bases = {rest.split()[0] for word, rest in instructions("Dockerfile") if word == "FROM"}
    assert len(bases) == 1


def test_go_is_new_enough_for_the_collector() -> None:
    """The image of Go is of the release that the build asks for."""
    needed = re.search(r"^readonly GO_NEEDED=(.+)$", (ROOT / "collector" / "build.sh").read_text(), re.MULTILINE)
    base = instructions("collector/Dockerfile")[0][1]
    assert needed
    assert base.startswith(f"golang:{needed[1]}.")


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_variables_are_declared(dockerfile: str) -> None:
    """What an image sets of ours is a declared variable."""
    declared = {value for name, value in vars(environment).items() if name.isupper()}
    named = {name for word, rest in instructions(dockerfile) if word == "ENV" for name in re.findall(r"(\w+)=", rest)}
    assert {name for name in named if name.startswith("SPANLEDGER_")} <= declared


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_it_is_started_without_a_shell(dockerfile: str) -> None:
    """Signals reach the program itself: the command is a list of words, and so is the check of its health."""
    found = dict(instructions(dockerfile))
    assert exec_form(found["ENTRYPOINT"])[0] in {"spanledger", "spanledger-otelcol"}
    assert exec_form(found["CMD"])
    assert exec_form(found["HEALTHCHECK"].partition("CMD ")[2])


def test_the_collector_starts_with_its_keys() -> None:
    """An image whose ports are open to other machines lays the overlay of keys over the configuration."""
    words = exec_form(dict(instructions("collector/Dockerfile"))["CMD"])
    assert words == ["--config=/etc/otelcol/otel-collector.yaml", "--config=/etc/otelcol/keys.yaml"]
    assert {Path(source).name for source in copied("collector/Dockerfile")} >= {"otel-collector.yaml", "keys.yaml"}
