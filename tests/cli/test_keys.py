"""`keys`: keys of the right form, and lines that land in the right file or not at all."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from proxy.cli.new_key import API_KEY, new_key

if TYPE_CHECKING:
    from tests.cli.console import Terminal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped configuration, to be changed."""
    shutil.copy(ROOT / "config.yaml", tmp_path)
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    return tmp_path


def create(folder: Path, *more: str) -> tuple[str, ...]:
    return ("keys", "create", "--config", str(folder / "config.yaml"), "--name", "web", *more)


def test_a_key_has_the_documented_form() -> None:
    key = new_key(API_KEY, lambda count: bytes(range(count)))
    assert re.fullmatch(r"gl_[a-z2-7]{8}_[A-Za-z0-9_-]{43}", key.printed)
    prefix, identity, _ = key.printed.split("_", 2)
    assert (prefix, identity) == ("gl", key.id)
    assert key.sha256 == hashlib.sha256(key.printed.encode()).hexdigest()


def test_a_key_is_printed_and_nothing_is_written(terminal: Terminal, folder: Path) -> None:
    said = terminal(*create(folder, "--team", "marketing"))
    key, line = said.out.splitlines()
    digest = hashlib.sha256(key.encode()).hexdigest()
    assert line == f'  - {{id: {yaml_id(key)}, name: web, sha256: "{digest}"}}'
    assert "belongs into" in said.err
    assert key not in said.err
    team = folder / "policies/teams/marketing.yaml"
    assert team.read_text() == (ROOT / "policies/teams/marketing.yaml").read_text()


def yaml_id(key: str) -> str:
    identity = key.split("_")[1]
    return identity if identity[0].isalpha() else f'"{identity}"'


def test_write_adds_the_line_and_keeps_everything_else(terminal: Terminal, folder: Path) -> None:
    team = folder / "policies/teams/marketing.yaml"
    team.chmod(0o640)
    before = team.read_text().splitlines()
    said = terminal(
        *create(folder, "--team", "marketing", "--write", "--json"),
        *("--expires", "2031-01-01", "--scope", "read"),
    )
    told = json.loads(said.out)
    (entry,) = yaml.safe_load(team.read_text())["keys"]
    assert entry["sha256"] == hashlib.sha256(told["key"].encode()).hexdigest()
    assert (entry["id"], entry["scopes"]) == (told["id"], ["read"])
    assert told["written"] is True
    assert told["file"] == str(team)
    assert team.stat().st_mode & 0o777 == 0o640
    rest = [line for line in team.read_text().splitlines() if told["id"] not in line]
    assert [line.replace("[]", "  ") for line in before] == rest
    again = terminal(*create(folder, "--team", "marketing", "--write"))
    assert again.code == 0
    assert len(yaml.safe_load(team.read_text())["keys"]) == 2
    assert terminal("check", "--config", str(folder / "config.yaml")).code == 0


def test_a_linked_file_stays_linked(terminal: Terminal, folder: Path) -> None:
    team = folder / "policies/teams/product.yaml"
    real = team.rename(folder / "elsewhere.yaml")
    team.symlink_to(real)
    assert terminal(*create(folder, "--team", "product", "--write")).code == 0
    assert team.is_symlink()
    assert "name: web" in real.read_text()


def test_a_line_that_breaks_the_configuration_is_taken_back(
    terminal: Terminal, folder: Path
) -> None:
    broken = folder / "policies/teams/product.yaml"
    broken.write_text(broken.read_text() + "surprise: 1\n")
    team = folder / "policies/teams/marketing.yaml"
    before = team.read_bytes()
    said = terminal(*create(folder, "--team", "marketing", "--write"))
    assert (said.code, said.out) == (1, "")
    assert "was left as it was" in said.err
    assert "product.yaml:" in said.err
    assert team.read_bytes() == before
    assert sorted(path.name for path in team.parent.iterdir()) == [
        "marketing.yaml",
        "product.yaml",
        "research.yaml",
    ]


def test_a_file_no_line_fits_in_is_left_alone(terminal: Terminal, folder: Path) -> None:
    team = folder / "policies/teams/marketing.yaml"
    team.write_text("team: marketing\nkeys: 5\n")
    said = terminal(*create(folder, "--team", "marketing", "--write"))
    assert said.code == 1
    assert "left as it was: keys is not a list" in said.err
    assert team.read_text() == "team: marketing\nkeys: 5\n"


def test_an_unknown_team_is_answered_with_the_known_ones(terminal: Terminal, folder: Path) -> None:
    said = terminal(*create(folder, "--team", "sales"))
    assert said.code == 1
    assert "declared: marketing, product, research" in said.err


def test_a_folder_that_cannot_be_written(terminal: Terminal, folder: Path) -> None:
    team = folder / "policies/teams/marketing.yaml"
    team.write_bytes(b"team: marketing # \xff\n")
    said = terminal("keys", "create-admin", "--role", "viewer", "--name", "x", "--write",
                    "--config", str(folder / "missing.yaml"))  # fmt: skip
    assert said.code == 1
    assert "can't be changed" in said.err


@pytest.mark.parametrize(
    "wrong",
    [
        ["--team", "marketing", "--expires", "tomorrow"],
        ["--team", "marketing", "--expires", "2020-01-01"],
        ["--team", "marketing", "--scope", "everything"],
        ["--team", "marketing", "--name", "not a name"],
        [],
    ],
)
def test_wrong_usage(terminal: Terminal, folder: Path, wrong: list[str]) -> None:
    assert terminal(*create(folder, *wrong)).code == 2


def test_an_admin_token_is_added_to_the_settings(terminal: Terminal, folder: Path) -> None:
    config = folder / "config.yaml"
    arguments = ("keys", "create-admin", "--role", "operator", "--name", "ops1")
    said = terminal(*arguments, "--config", str(config), "--write", "--json")
    token = json.loads(said.out)["key"]
    assert re.fullmatch(r"gla_[a-z2-7]{8}_[A-Za-z0-9_-]{43}", token)
    (entry,) = yaml.safe_load(config.read_text())["admin"]["tokens"]
    assert (entry["role"], entry["name"]) == ("operator", "ops1")
    assert entry["sha256"] == hashlib.sha256(token.encode()).hexdigest()
    before = (ROOT / "config.yaml").read_text().splitlines()
    after = config.read_text().splitlines()
    assert [line for line in before if "tokens: []" not in line] == [
        line for line in after if "tokens:" not in line and entry["id"] not in line
    ]
