"""What a Redis must be for money to be safe in it: looked at once at start-up, said loudly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.store.connection import ReplyError
from proxy.store.keys import Keys

if TYPE_CHECKING:
    from proxy.store.client import Client

VERSION_MIN = (6, 2)
LISTPACK_BYTES_MIN = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `is_danger`: money may be lost or forgotten this way."""

    message: str
    is_danger: bool


async def check_server(client: Client) -> tuple[Finding, ...]:
    """Look at version, eviction, persistence and packing of hashes; all findings, good ones too.

    Raises:
        StoreUnavailable: no answer, or it is still loading its data.
    """
    # A server that loads its data tells of itself, but of no key.
    await client.read(("EXISTS", Keys().organisation()))
    info = await _info(client, "server") | await _info(client, "persistence")
    findings = [_version(info), await _eviction(client), _persistence(info)]
    packing = await _setting(client, "hash-max-*-value")
    if packing is not None and int(packing) < LISTPACK_BYTES_MIN:
        message = f"hash-max-listpack-value is {packing}: 2048 makes a job a quarter smaller"
        findings.append(Finding(message=message, is_danger=False))
    return tuple(findings)


def _version(info: dict[str, str]) -> Finding:
    name = info.get("server_name", "redis")
    text = info.get("valkey_version") or info.get("redis_version", "0")
    is_old = tuple(int(part) for part in text.split(".")[:2]) < VERSION_MIN
    advice = ": 6.2 or newer is needed" if is_old else ""
    return Finding(message=f"{name} {text}{advice}", is_danger=is_old)


async def _eviction(client: Client) -> Finding:
    policy = await _setting(client, "maxmemory-policy")
    if policy is None:
        message = "maxmemory-policy cannot be read here: make sure that it is noeviction"
        return Finding(message=message, is_danger=True)
    if policy == "noeviction":
        return Finding(message="maxmemory-policy is noeviction", is_danger=False)
    message = f"maxmemory-policy is {policy}: balances and jobs may be evicted; set noeviction"
    return Finding(message=message, is_danger=True)


def _persistence(info: dict[str, str]) -> Finding:
    if info.get("aof_enabled") == "1":
        status = info.get("aof_last_write_status", "ok")
        if status == "ok":
            return Finding(message="appendonly is on", is_danger=False)
        return Finding(message=f"the last write to the AOF failed ({status})", is_danger=True)
    message = "appendonly is off: a restart forgets money and jobs; set appendonly yes"
    return Finding(message=message, is_danger=True)


async def _info(client: Client, section: str) -> dict[str, str]:
    text = (await client.read(("INFO", section))).decode()
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name: value for name, _, value in pairs}


async def _setting(client: Client, name: str) -> str | None:
    """Read one setting; None where CONFIG is forbidden, as at some hosters."""
    try:
        reply = await client.call(("CONFIG", "GET", name), resend=("CONFIG", "GET", name))
    except ReplyError:
        return None
    return reply[1].decode() if reply else None
