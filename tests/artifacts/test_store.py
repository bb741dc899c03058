"""The artifact store on a real folder: whole or absent, exact, and flat in memory."""

from __future__ import annotations

import asyncio
import hashlib
import resource
import stat
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from obstore.store import LocalStore, MemoryStore

from proxy.artifacts.store import Artifacts, open_artifacts
from proxy.gateway.ports.artifacts import ArtifactTooLarge, ArtifactUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from proxy.gateway.ports.artifacts import ArtifactStore

MIB = 1024 * 1024
KILLED = """
import asyncio, os, sys
from proxy.artifacts.store import open_artifacts

async def endless():
    for _ in range(9):
        yield bytes(2**20)
    os._exit(0)

artifacts = open_artifacts(sys.argv[1])
asyncio.run(artifacts.put("videos/t/a.mp4", endless(), bytes_max=2**30))
"""
NAME = "videos/marketing/video_a.mp4"


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return open_artifacts(f"file://{tmp_path}/artifacts")


async def chunks_of(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def repeated(part: bytes, times: int, *, fails_at: int = -1) -> AsyncIterator[bytes]:
    for number in range(times):
        if number == fails_at:
            message = "the provider hung up"
            raise ConnectionError(message)
        yield part


async def read(
    artifacts: Artifacts, name: str, *, start: int = 0, length: int | None = None
) -> bytes:
    return b"".join([part async for part in artifacts.open(name, start=start, length=length)])


def files_below(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


async def test_what_was_put_is_read_back_with_its_hash_and_size(artifacts: Artifacts) -> None:
    port: ArtifactStore = artifacts
    body = b"ftyp" + bytes(range(256)) * 10
    put = await port.put(NAME, chunks_of(body[:5], b"", body[5:]), bytes_max=len(body))
    assert (hashlib.sha256(body).hexdigest(), len(body)) == put
    assert body == await read(artifacts, NAME)
    assert len(body) == await artifacts.size_bytes(NAME)


async def test_an_empty_object_is_an_object(artifacts: Artifacts) -> None:
    await artifacts.put(NAME, chunks_of(), bytes_max=10)
    assert await artifacts.size_bytes(NAME) == 0
    assert b"" == await read(artifacts, NAME)


async def test_ranges_are_exact(artifacts: Artifacts) -> None:
    body = bytes(range(256)) * 4096
    await artifacts.put(NAME, chunks_of(body), bytes_max=len(body))
    for start, length in ((0, 1), (0, None), (1, 700_000), (524_287, 2), (len(body) - 1, None)):
        end = None if length is None else start + length
        assert body[start:end] == await read(artifacts, NAME, start=start, length=length)
    assert body[-5:] == await read(artifacts, NAME, start=len(body) - 5, length=100)
    assert b"" == await read(artifacts, NAME, start=3, length=0)


async def test_a_range_outside_the_object_is_refused(artifacts: Artifacts) -> None:
    await artifacts.put(NAME, chunks_of(b"abc"), bytes_max=3)
    with pytest.raises(ArtifactUnavailable):
        await read(artifacts, NAME, start=3, length=1)


async def test_a_copy_stays_when_the_first_name_goes(artifacts: Artifacts) -> None:
    second = "sources/marketing/video_b.mp4"
    await artifacts.put(second, chunks_of(b"an older one"), bytes_max=100)
    await artifacts.put(NAME, chunks_of(b"abc"), bytes_max=3)
    await artifacts.copy(NAME, second)
    await artifacts.delete(NAME)
    assert b"abc" == await read(artifacts, second)
    with pytest.raises(FileNotFoundError):
        await artifacts.copy(NAME, second)
    assert b"abc" == await read(artifacts, second)


async def test_a_local_copy_takes_no_space(artifacts: Artifacts, tmp_path: Path) -> None:
    await artifacts.put(NAME, chunks_of(b"abc"), bytes_max=3)
    await artifacts.copy(NAME, "sources/marketing/video_b.mp4")
    first, second = (tmp_path / "artifacts" / name for name in files_below(tmp_path / "artifacts"))
    assert first.stat().st_ino == second.stat().st_ino


async def test_a_stream_over_the_limit_leaves_nothing(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactTooLarge):
        await artifacts.put(NAME, repeated(bytes(MIB), 8), bytes_max=4 * MIB)
    assert await artifacts.size_bytes(NAME) is None
    assert [] == files_below(tmp_path)


@pytest.mark.parametrize("fails_at", [0, 1, 6])
async def test_a_stream_cut_short_leaves_what_was_there(
    artifacts: Artifacts, tmp_path: Path, fails_at: int
) -> None:
    await artifacts.put(NAME, chunks_of(b"the first one"), bytes_max=MIB)
    with pytest.raises(ConnectionError):
        await artifacts.put(NAME, repeated(bytes(MIB), 8, fails_at=fails_at), bytes_max=99 * MIB)
    assert b"the first one" == await read(artifacts, NAME)
    assert [f"artifacts/{NAME}"] == files_below(tmp_path)


async def test_a_cancelled_put_leaves_nothing(artifacts: Artifacts, tmp_path: Path) -> None:
    flowing = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(MIB)
            flowing.set()

    async with asyncio.TaskGroup() as group:
        putting = group.create_task(artifacts.put(NAME, endless(), bytes_max=10**12))
        await flowing.wait()
        putting.cancel()
    assert [] == files_below(tmp_path)


async def test_an_object_is_invisible_until_it_is_whole(artifacts: Artifacts) -> None:
    seen: list[int | None] = []

    async def looking() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield bytes(MIB)
            seen.append(await artifacts.size_bytes(NAME))

    await artifacts.put(NAME, looking(), bytes_max=99 * MIB)
    assert [None] * 4 == seen
    assert 4 * MIB == await artifacts.size_bytes(NAME)


async def test_puts_of_one_name_at_once_leave_one_of_them_whole(artifacts: Artifacts) -> None:
    bodies = [bytes([number]) * MIB for number in range(4)]
    async with asyncio.TaskGroup() as group:
        for body in bodies:
            group.create_task(artifacts.put(NAME, repeated(body, 3), bytes_max=99 * MIB))
    assert await read(artifacts, NAME) in [body * 3 for body in bodies]


async def test_a_reader_is_not_disturbed_by_a_delete(artifacts: Artifacts) -> None:
    await artifacts.put(NAME, repeated(bytes(MIB), 4), bytes_max=99 * MIB)
    reading = artifacts.open(NAME)
    size = len(await anext(reading))
    await artifacts.delete(NAME)
    async for part in reading:
        size += len(part)
    assert 4 * MIB == size


async def test_delete_is_idempotent(artifacts: Artifacts) -> None:
    await artifacts.put(NAME, chunks_of(b"x"), bytes_max=1)
    await artifacts.delete(NAME)
    await artifacts.delete(NAME)
    assert await artifacts.size_bytes(NAME) is None
    with pytest.raises(FileNotFoundError):
        await read(artifacts, NAME)


async def test_fifty_megabytes_pass_in_flat_memory(artifacts: Artifacts) -> None:
    part = bytes(64 * 1024)
    await artifacts.put("warm", repeated(part, 100), bytes_max=99 * MIB)
    tracemalloc.start()
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await artifacts.put(NAME, repeated(part, 800), bytes_max=99 * MIB)
    largest = 0
    async for read_part in artifacts.open(NAME):
        largest = max(largest, len(read_part))
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert largest <= MIB
    assert peak_bytes < 4 * MIB
    assert grown_kib < 16 * 1024


async def test_the_folder_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    open_artifacts(f"file://{tmp_path}/deep/my%20artifacts")
    mode = (tmp_path / "deep" / "my artifacts").stat().st_mode
    assert 0o700 == stat.S_IMODE(mode)


async def test_a_broken_folder_is_unavailable_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "videos").write_bytes(b"a file where a folder should be")
    artifacts = Artifacts(LocalStore(tmp_path), folder=tmp_path)
    for size in (1, 3 * MIB):
        with pytest.raises(ArtifactUnavailable):
            await artifacts.put(NAME, chunks_of(bytes(size)), bytes_max=99 * MIB)
    with pytest.raises(ArtifactUnavailable):
        await artifacts.size_bytes(NAME)


@pytest.mark.parametrize("url", ["file://var/artifacts", "file:var", "ftp://host/x", "/var/x", ""])
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"allowed|absolute"):
        open_artifacts(url)


@pytest.mark.parametrize("url", ["s3://bucket/prefix", "gs://bucket", "az://container/prefix"])
def test_a_bucket_is_opened_by_url(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    assert isinstance(open_artifacts(url), Artifacts)


async def test_objects_are_listed_by_the_beginning_of_their_names(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    for name in ("ledger/b", "ledger/a", "ledger/deep/c", "ledgers/d", "videos/e"):
        await artifacts.put(name, chunks_of(b"12345"), bytes_max=9)
    listed = [found async for found in artifacts.list("ledger/")]
    assert ["ledger/a", "ledger/b", "ledger/deep/c"] == sorted(found.name for found in listed)
    assert {5} == {found.size_bytes for found in listed}
    written_s = (tmp_path / "artifacts/ledger/a").stat().st_mtime
    assert written_s == pytest.approx(
        next(found.modified_at_s for found in listed if found.name == "ledger/a"), abs=0.001
    )


async def test_nothing_is_listed_where_nothing_is(artifacts: Artifacts) -> None:
    assert [] == [found async for found in artifacts.list("ledger/")]


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The folder of artifacts in which two puts were killed in the middle."""
    for _ in range(2):
        subprocess.run([sys.executable, "-c", KILLED, f"file://{tmp_path}/artifacts"], check=True)
    return tmp_path / "artifacts"


async def test_what_killed_puts_leave_can_be_cleared(killed: Path, artifacts: Artifacts) -> None:
    """What the library names a half written file is its own affair: this is what we clear."""
    assert 2 == len(files_below(killed))
    assert 0 == await artifacts.clear_unfinished(before_s=0.0)
    assert 2 == await artifacts.clear_unfinished(before_s=2e10)
    assert [] == files_below(killed)


async def test_a_bucket_clears_itself() -> None:
    assert 0 == await Artifacts(MemoryStore()).clear_unfinished(before_s=2e10)
