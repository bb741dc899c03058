"""Large files through real processes: flat memory, ranges, and downloads taken up again."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.system.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

PROMPT = "A long way. [[bytes=50MB]]"
SIZE_BYTES = 50_000_000
PARALLEL = 8
CUT_BYTES = 20_000_000
GROWTH_KIB_MAX = 40 * 1024


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment with one finished video of 50 MB."""
    made = Deployment(folder=tmp_path_factory.mktemp("downloads"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def video(large: Deployment) -> dict[str, Any]:
    """A finished video of 50 MB; the same for every test."""
    made = await large.videos()
    if not made:
        made = [await large.create(PROMPT, model="kling-3.0", seconds=4)]
    done = await large.finished(made[0]["id"], timeout_s=60)
    assert SIZE_BYTES == done["greenlight"]["artifact"]["bytes"], done
    return done


@pytest.fixture
async def session(large: Deployment) -> AsyncIterator[aiohttp.ClientSession]:
    """A client with the team's key."""
    headers = {"Authorization": f"Bearer {large.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as opened:
        yield opened


def memory_kib(deployment: Deployment, line: str) -> int:
    """A line of the proxy's memory in /proc: VmRSS now, VmHWM at its highest."""
    assert deployment.proxy is not None
    status = Path(f"/proc/{deployment.proxy.popen.pid}/status").read_text(encoding="utf-8")
    return next(int(text.split()[1]) for text in status.splitlines() if text.startswith(line))


def forget_peak(deployment: Deployment) -> None:
    """Let VmHWM begin again at what is used now."""
    assert deployment.proxy is not None
    Path(f"/proc/{deployment.proxy.popen.pid}/clear_refs").write_text("5", encoding="utf-8")


async def hash_of(
    session: aiohttp.ClientSession, url: str, headers: Mapping[str, str] | None = None
) -> str:
    """Download and hash, keeping nothing."""
    digest = hashlib.sha256()
    async with session.get(url, headers=headers) as answer:
        assert 200 == answer.status
        async for chunk in answer.content.iter_chunked(2**18):
            digest.update(chunk)
    return digest.hexdigest()


async def begin(session: aiohttp.ClientSession, url: str) -> tuple[bytes, str]:
    """Download the first part and break off; returns it and the file's ETag."""
    got = bytearray()
    async with session.get(url) as answer:
        assert 200 == answer.status
        etag = answer.headers["ETag"]
        async for chunk in answer.content.iter_chunked(2**18):
            got += chunk
            if len(got) >= CUT_BYTES:
                answer.close()
                break
    return bytes(got), etag


async def test_parallel_downloads_need_little_memory(
    large: Deployment, video: dict[str, Any], session: aiohttp.ClientSession
) -> None:
    url = f"{large.base_url}/videos/{video['id']}/content"
    before_kib = memory_kib(large, "VmRSS")
    forget_peak(large)
    hashes = await asyncio.gather(*(hash_of(session, url) for _ in range(PARALLEL)))
    assert {video["greenlight"]["artifact"]["sha256"]} == set(hashes)
    growth_kib = memory_kib(large, "VmHWM") - before_kib
    assert growth_kib <= GROWTH_KIB_MAX, f"{PARALLEL} downloads took {growth_kib} KiB"


async def test_a_client_that_stalls_holds_nothing_up_and_no_memory(
    large: Deployment, video: dict[str, Any], session: aiohttp.ClientSession
) -> None:
    url = f"{large.base_url}/videos/{video['id']}/content"
    before_kib = memory_kib(large, "VmRSS")
    forget_peak(large)
    stalled = [await session.get(url) for _ in range(PARALLEL)]
    assert video["greenlight"]["artifact"]["sha256"] == await hash_of(session, url)
    for answer in stalled:
        answer.close()
    assert memory_kib(large, "VmHWM") - before_kib <= GROWTH_KIB_MAX


async def test_an_interrupted_download_resumes(
    large: Deployment, video: dict[str, Any], session: aiohttp.ClientSession
) -> None:
    url = f"{large.base_url}/videos/{video['id']}/content"
    got, etag = await begin(session, url)
    assert CUT_BYTES <= len(got) < SIZE_BYTES
    rest = {"Range": f"bytes={len(got)}-", "If-Range": etag}
    async with session.get(url, headers=rest) as answer:
        assert 206 == answer.status
        assert f"bytes {len(got)}-{SIZE_BYTES - 1}/{SIZE_BYTES}" == answer.headers["Content-Range"]
        whole = hashlib.sha256(got + await answer.read()).hexdigest()
    assert video["greenlight"]["artifact"]["sha256"] == whole
    other = {"Range": f"bytes={len(got)}-", "If-Range": '"another file"'}
    assert whole == await hash_of(session, url, other)


async def test_a_file_can_be_fetched_in_parts_at_once_by_its_link(
    large: Deployment, video: dict[str, Any]
) -> None:
    """Nothing but the link is needed, which is what download managers are given."""
    url = video["greenlight"]["artifact"]["url"]
    step = SIZE_BYTES // PARALLEL
    async with aiohttp.ClientSession() as nobody:

        async def part(first: int) -> bytes:
            headers = {"Range": f"bytes={first}-{first + step - 1}"}
            async with nobody.get(url, headers=headers) as answer:
                assert 206 == answer.status
                return await answer.read()

        parts = await asyncio.gather(*(part(n * step) for n in range(PARALLEL)))
    assert video["greenlight"]["artifact"]["sha256"] == hashlib.sha256(b"".join(parts)).hexdigest()


async def test_a_download_cut_by_a_kill_resumes_after_the_restart(
    large: Deployment, video: dict[str, Any], session: aiohttp.ClientSession
) -> None:
    assert large.proxy is not None
    path = f"videos/{video['id']}/content"
    got = bytearray()
    async with session.get(f"{large.base_url}/{path}") as answer:
        etag = answer.headers["ETag"]
        got += await answer.content.readexactly(CUT_BYTES)
        large.proxy.kill()
        with suppress(aiohttp.ClientError):
            async for chunk in answer.content.iter_chunked(2**18):
                got += chunk
    assert len(got) < SIZE_BYTES
    large.start_proxy()
    rest = {"Range": f"bytes={len(got)}-", "If-Range": etag}
    async with session.get(f"{large.base_url}/{path}", headers=rest) as answer:
        assert 206 == answer.status
        got += await answer.read()
    assert video["greenlight"]["artifact"]["sha256"] == hashlib.sha256(got).hexdigest()
