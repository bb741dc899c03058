"""The whole demo, as processes: from nothing to a checked video, and again after a restart."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from openai import APIError, AsyncOpenAI

from proxy.artifacts.mp4 import probe
from tests.cli.child import started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

DEADLINE_S = 30.0


async def wait_until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            if await is_so():
                return
            await asyncio.sleep(0.05)


def client_of(said: dict[str, str]) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=said["base_url"], api_key=said["api_key"])


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_first_video_is_made_and_checked(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy", "demo", "--state-dir", str(tmp_path / "state")),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ,
    )
    out, _ = await process.communicate()
    shown = out.decode()
    assert process.returncode == 0, shown
    for expected in ("in_progress at", "cost      $", "why       policy", "░", "monthly"):
        assert expected in shown
    facts = dict(line.split(maxsplit=1) for line in shown.splitlines() if " " in line)
    ledger, _, invoice = facts["checked"].removeprefix("ledger ").partition(" = invoice ")
    assert ledger == invoice != "$0.000000"
    assert probe(Path(facts["video"])).duration_s > 0


@pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
async def test_it_survives_kills_and_restarts_and_leaves_nothing_behind(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    arguments = ("demo", "--serve", "--state-dir", str(tmp_path))
    async with started(*arguments) as first, client_of(first.said) as client:
        said = first.said
        assert list(said) == [
            *("base_url", "api_key", "admin_url", "admin_token"),
            *("metrics_url", "simulator_url", "state_dir"),
        ]
        # Wherever the kill falls, Kling can be asked what became of the job.
        video = await client.videos.create(prompt="A boat [[render=2]]", model="kling-3.0")
        async with http.get(said["metrics_url"]) as metrics:
            assert b"greenlight_" in await metrics.read()
        killed = child_of(first.process.pid, "serve")
        assert killed is not None
        os.kill(killed, signal.SIGKILL)

        async def is_done() -> bool:
            try:
                return (await client.videos.retrieve(video.id)).status == "completed"
            except APIError:
                return False  # it is not back yet

        await wait_until(is_done)
        assert child_of(first.process.pid, "serve") != killed
        assert await first.end() == 0
    async with started(*arguments) as second, client_of(second.said) as client:
        assert second.said == said
        assert (await client.videos.retrieve(video.id)).status == "completed"
        assert (await client.videos.download_content(video.id)).content[4:8] == b"ftyp"
        family = descendants_of(second.process.pid)
        assert len(family) >= 3  # simulator, proxy, store
        second.process.kill()

        async def are_gone() -> bool:
            return not any(is_alive(pid) for pid in family)

        await wait_until(are_gone)


def parents() -> dict[int, int]:
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(path.parent.name)] = int(fields[1])
    return found


def descendants_of(pid: int) -> set[int]:
    known = parents()
    found = {child for child, parent in known.items() if parent == pid}
    for child in tuple(found):
        found |= descendants_of(child)
    return found


def child_of(pid: int, command: str) -> int | None:
    for child in descendants_of(pid):
        try:
            words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if command.encode() in words:
            return child
    return None


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
