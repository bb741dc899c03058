"""`check`: findings on standard output, a count on standard error, a code for machines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.console import Terminal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    return tmp_path / "config.yaml"


def test_the_shipped_files_are_usable_with_warnings(terminal: Terminal, config: Path) -> None:
    said = terminal("check", "--config", str(config))
    assert said.code == 0
    assert said.out
    assert all(": warning: " in line for line in said.out.splitlines())
    assert said.err == f"{config}: {len(said.out.splitlines())} warnings\n"


def test_strict_lets_warnings_fail(terminal: Terminal, config: Path) -> None:
    assert terminal("check", "--config", str(config), "--strict").code == 1


def test_every_mistake_is_reported_with_its_place(terminal: Terminal, config: Path) -> None:
    team = config.parent / "policies/teams/product.yaml"
    lines = team.read_text().count("\n")
    team.write_text(team.read_text() + "surprise: 1\nqueued: many\n")
    said = terminal("check", "--config", str(config))
    assert said.code == 1
    assert f"{team}:{lines + 1}:1: surprise: " in said.out
    assert f"{team}:{lines + 2}:9: queued: " in said.out
    assert said.err.startswith(f"{config}: 2 errors, ")


def test_json_holds_the_same(terminal: Terminal, config: Path) -> None:
    config.write_text(config.read_text() + "surprise: 1\n")
    said = terminal("check", "--config", str(config), "--json")
    assert said.code == 1
    answer = json.loads(said.out)
    assert answer["ok"] is False
    errors = [problem for problem in answer["problems"] if problem["severity"] == "error"]
    assert [(str(config), "surprise")] == [(error["file"], error["path"]) for error in errors]
    assert {"line", "column", "message"} < set(errors[0])


def test_other_policies_are_checked_in_place_of_the_named(
    terminal: Terminal, config: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    (config.parent / "policies").rename(other)
    assert terminal("check", "--config", str(config)).code == 1
    assert terminal("check", "--config", str(config), "--policies", str(other)).code == 0


def test_a_missing_file_is_a_finding(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal("check", "--config", str(tmp_path / "none.yaml"))
    assert said.code == 1
    assert "none.yaml:1:1: (file): can't be read" in said.out
