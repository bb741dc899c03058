"""Start-up says what a server lacks for money to be safe in it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.store.address import Address
from proxy.store.checks import check_server
from proxy.store.client import Client
from proxy.store.embedded import find_server
from tests.store.test_embedded import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def careless(tmp_path: Path) -> Iterator[Address]:
    """A server as one gets it without settings: no persistence, and it may evict."""
    path = tmp_path / "s.sock"
    command = [find_server(), "--port", "0", "--unixsocket", str(path), "--save", ""]
    command += ["--maxmemory-policy", "allkeys-lru", "--dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    yield Address(path=str(path))
    process.kill()
    process.wait()


async def test_our_own_server_is_safe(redis_client: Client) -> None:
    findings = await check_server(redis_client)
    assert [] == [finding for finding in findings if finding.is_danger]
    said = " ".join(finding.message for finding in findings)
    for word in ("noeviction", "appendonly is on", "valkey"):
        assert word in said
    assert "hash-max-listpack-value" not in said


async def test_a_careless_server_is_told_of(careless: Address) -> None:
    await wait_until(Path(str(careless.path)).exists)
    client = Client(careless)
    findings = await check_server(client)
    dangers = " ".join(finding.message for finding in findings if finding.is_danger)
    assert "allkeys-lru" in dangers
    assert "appendonly is off" in dangers
    assert any("hash-max-listpack-value" in finding.message for finding in findings)
    await client.close()
