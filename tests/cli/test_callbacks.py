"""`greenlight callbacks`: the addresses that the server listens at, and none that it does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.app.link_secret import kept_secret
from proxy.gateway.callbacks import callback_path

if TYPE_CHECKING:
    from tests.cli.console import Terminal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    return tmp_path / "config.yaml"


def test_each_account_that_can_has_an_address(terminal: Terminal, config: Path) -> None:
    config.write_text(config.read_text() + "callbacks: {base_url: https://v.example}\n")
    said = terminal("callbacks", "--config", str(config), "--json")
    assert 0 == said.code, said.err
    addresses = json.loads(said.out)["callbacks"]
    uses = [(one["provider"], one["account"], one["use"]) for one in addresses]
    assert [("kling", "main", "per submit"), ("openai", "main", "registered")] == uses
    secret = kept_secret(config.parent / "var", bytes)
    for one in addresses:
        path = callback_path(secret, one["provider"], one["account"])
        assert f"https://v.example{path}" == one["url"]
    lines = terminal("callbacks", "--config", str(config)).out.splitlines()
    first = addresses[0]["url"]
    assert [f"kling main (per submit): {first}"] == lines[:1]
    assert 2 == len(lines)


def test_without_an_address_of_the_server_there_is_none(terminal: Terminal, config: Path) -> None:
    said = terminal("callbacks", "--config", str(config))
    assert (1, "") == (said.code, said.out)
    assert "callbacks.base_url is not set" in said.err


def test_files_that_cannot_be_used_are_said_to_be(terminal: Terminal, config: Path) -> None:
    config.write_text(config.read_text() + "surprise: 1\n")
    said = terminal("callbacks", "--config", str(config))
    assert (1, "") == (said.code, said.out)
    assert "surprise" in said.err
