"""Which keys would stay for ever without being on the written list of permanent ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.store.keys import PERMANENT, PROVIDER_PERMANENT

if TYPE_CHECKING:
    from proxy.store.client import Client

ENDED = (b"c", b"f", b"x")
NO_TTL = -1


async def leaked_keys(client: Client) -> list[str]:
    """List keys without a TTL that are neither permanent nor an unfinished job."""
    leaked = []
    for name in await client.read(("KEYS", "*")):
        key = name.decode()
        if await client.read(("TTL", key)) == NO_TTL and not await _may_stay(client, key):
            leaked.append(key)
    return leaked


async def _may_stay(client: Client, key: str) -> bool:
    if not key.startswith("gl:{"):
        return False
    tag, _, rest = key.removeprefix("gl:{").partition("}:")
    noun = rest.partition(":")[0]
    if tag.startswith("p:"):
        return noun in PROVIDER_PERMANENT
    if noun == "job":
        return await client.read(("HGET", key, "s")) not in ENDED
    return noun in PERMANENT
