"""Everything a server holds, to compare: nothing may have changed, or all as if done once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.store.client import Client

READS: dict[bytes, tuple[str, ...]] = {
    b"hash": ("HGETALL",),
    b"string": ("GET",),
    b"list": ("LRANGE", "0", "-1"),
    b"zset": ("ZRANGE", "0", "-1", "WITHSCORES"),
    b"set": ("SMEMBERS",),
    b"stream": ("XRANGE", "-", "+"),
}


async def dump(client: Client) -> dict[str, object]:
    """Every key with its value; the order within hashes and sets does not matter."""
    found: dict[str, object] = {}
    for name in sorted(await client.read(("KEYS", "*"))):
        kind = await client.read(("TYPE", name))
        command, *rest = READS[kind]
        value = await client.read((command, name, *rest))
        if kind == b"hash":
            value = dict(zip(value[::2], value[1::2], strict=True))
        if kind == b"set":
            value = sorted(value)
        found[name.decode()] = value
    return found
