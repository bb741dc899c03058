"""The whole demo, as processes: from nothing to a checked video, and again after a restart."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from openai import APIError, AsyncOpenAI

from proxy.artifacts.mp4 import probe
from tests.cli.child import started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.cli.console import Terminal

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


def test_a_first_video_is_made_and_checked(terminal: Terminal, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        said = terminal("demo", "--json", "--state-dir", str(tmp_path / "state"))
    finally:
        os.umask(before)
    assert said.code == 0, said.err
    made = json.loads(said.out)
    assert made["charged_micro_usd"] == made["invoiced_micro_usd"] == made["spent_micro_usd"] > 0
    assert made["reason"].startswith("policy balanced: ")
    mp4 = probe(Path(made["mp4"]))
    assert (mp4.duration_s, f"{mp4.width_px}x{mp4.height_px}") == (
        made["duration_s"],
        made["size"],
    )
    assert Path(made["mp4"]).parent == Path(made["state_dir"]) == tmp_path / "state"
    assert "in_progress at" in said.err


@pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
async def test_it_survives_kills_and_restarts_and_leaves_nothing_behind(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    arguments = ("demo", "--serve", "--state-dir", str(tmp_path))
    async with started(*arguments) as first, client_of(first.said) as client:
        said = first.said
        assert list(said) == [
            *("base_url", "api_key", "admin_url", "admin_token", "finance_token"),
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
