"""`simulate`: a server with the accounts it was given."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import aiohttp
import pytest

from proxy.cli.simulate import OPEN_SECRET
from tests.cli.child import started

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.console import Terminal


async def status(url: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}/kling/tasks?task_ids=1", headers=headers) as answer,
    ):
        return answer.status


async def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    file.write_text(json.dumps({"kling": [{"name": "main", "api_keys": ["one-secret"]}]}))
    async with started("simulate", "--port", "0", "--credentials", str(file)) as simulator:
        url = simulator.said["simulator_url"]
        assert await status(url, "one-secret") != 401
        assert await status(url, OPEN_SECRET) == 401
        assert await simulator.end() == 0


async def test_without_a_file_it_takes_the_open_secret() -> None:
    async with started("simulate", "--port", "0") as simulator:
        assert await status(simulator.said["simulator_url"], OPEN_SECRET) != 401


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"kling": [{"api_key": "hidden-value"}]}', "kling.0.api_key: Unexpected keyword"),
        ('{"luma": []}', "luma: Extra inputs"),
        ("[]", "should be an object"),
        ("{", "Invalid JSON"),
    ],
)
def test_a_faulty_file_is_refused_without_its_secrets(
    terminal: Terminal, tmp_path: Path, content: str, why: str
) -> None:
    file = tmp_path / "accounts.json"
    file.write_text(content)
    said = terminal("simulate", "--credentials", str(file))
    assert said.code == 1
    assert why in said.err
    assert "hidden-value" not in said.err


def test_a_missing_file(terminal: Terminal) -> None:
    said = terminal("simulate", "--credentials", "/nowhere.json")
    assert said.code == 1
    assert said.err == "greenlight: /nowhere.json can't be read: No such file or directory\n"


def test_a_port_that_is_taken(terminal: Terminal) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = terminal("simulate", "--port", str(taken.getsockname()[1]))
    assert said.code == 1
    assert "can't listen on" in said.err
