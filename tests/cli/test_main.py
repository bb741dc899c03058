"""The command line as a whole: what it imports, how it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from proxy.cli.main import COMMANDS

if TYPE_CHECKING:
    from tests.cli.console import Terminal

HEAVY = ("aiohttp", "google.auth", "openai", "pydantic", "redis", "rich", "yaml")


def imported_by(*arguments: str) -> set[str]:
    """Run a command line in a fresh interpreter and list the modules that it brought."""
    script = (
        "import sys; from proxy.cli.main import run; code = run(sys.argv[1:]);"
        "print('\\n' + ' '.join(sys.modules)); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    assert set() == imported_by(*arguments) & set(HEAVY)


def test_the_help_names_every_command(terminal: Terminal) -> None:
    said = terminal("--help")
    assert said.code == 0
    for name, entry in COMMANDS.items():
        assert f"  {name} " in said.out
        assert entry.summary in said.out


def test_no_command_prints_the_help(terminal: Terminal) -> None:
    said = terminal()
    assert said.code == 2
    assert "Commands:" in said.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(terminal: Terminal, name: str) -> None:
    said = terminal(name, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: greenlight {name} ")


def test_the_version(terminal: Terminal) -> None:
    assert terminal("--version").out == "greenlight 0.1.0\n"


def test_an_unknown_command_is_named(terminal: Terminal) -> None:
    said = terminal("sevre")
    assert said.code == 2
    assert "No such command 'sevre'" in said.err


def test_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "proxy", "--version"], capture_output=True, check=True
    )
    assert done.stdout == b"greenlight 0.1.0\n"


def test_a_reader_that_leaves_is_no_accident() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "proxy", "--help"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b""
