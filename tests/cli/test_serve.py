"""`serve`: says where it is, imports no more than it needs, ends when told to."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.console import Terminal

ROOT = Path(__file__).resolve().parents[2]
NEVER_IMPORTED = ("google.auth", "httpx2", "openai", "rich", "proxy.simulator")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The shipped configuration on free ports, without any credentials."""
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    text = (ROOT / "config.yaml").read_text()
    path = tmp_path / "config.yaml"
    path.write_text(text.replace("127.0.0.1:8080", "127.0.0.1:0").replace(":8081", ":0"))
    return path


async def test_it_serves_with_few_imports_and_ends_when_told(config: Path) -> None:
    script = (
        "import sys; from proxy.cli.main import run; code = run(sys.argv[1:]);"
        "print(' '.join(sys.modules)); sys.exit(code)"
    )
    arguments = ("serve", "--config", str(config), "--json")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
    )
    assert process.stdout is not None
    said = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
    assert {"base_url", "admin_url"} == set(said)
    assert said["base_url"].endswith("/v1")
    process.send_signal(signal.SIGTERM)
    modules = set((await process.stdout.read()).decode().split())
    assert await process.wait() == 0
    assert set() == modules & set(NEVER_IMPORTED)
    assert "aiohttp" in modules


async def test_it_says_what_it_cannot_do_yet(config: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy", "serve", "--config", str(config), "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
    )
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readline(), 30)
    process.send_signal(signal.SIGTERM)
    said = (await process.communicate())[1].decode()
    assert "kling, account main is not configured: environment variable KLING_API_KEY" in said
    assert "no provider is configured" in said
    assert "no team has a key" in said
    assert '"level":"error"' not in said
    assert "StoreCalled" not in said


def test_a_missing_configuration_is_one_line(terminal: Terminal) -> None:
    said = terminal("serve", "--config", "/nowhere/config.yaml")
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        "greenlight: /nowhere/config.yaml does not exist; give --config, or try greenlight demo\n"
    )


def test_every_mistake_is_named(terminal: Terminal, config: Path) -> None:
    config.write_text(config.read_text() + "surprise: 1\nworker: 2\n")
    said = terminal("serve", "--config", str(config))
    assert said.code == 1
    assert ": surprise: " in said.err
    assert ": worker: " in said.err


def test_a_port_that_is_taken_is_one_line(config: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = config.read_text()
        config.write_text(text.replace("listen: 127.0.0.1:0", f"listen: 127.0.0.1:{port}", 1))
        done = subprocess.run(
            [sys.executable, "-m", "proxy", "serve", "--config", str(config)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert f"{port}" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
