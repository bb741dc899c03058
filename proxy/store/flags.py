"""Flags and live overrides, as the fields `z` and `v` of a team's or the organisation's hash.

flags.lua reads them inside the scripts; here they are read for whoever only looks.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from proxy.domain.ids import KeyId, ProviderName
from proxy.domain.moderation import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FLAGS, OVERRIDES = "z", "v"
FREEZE = "freeze"
DRAIN = "drain"
REVOKED = "revoked"


def flags_of(text: bytes | None) -> frozenset[str]:
    """The flags that are up."""
    return frozenset((text or b"").decode().splitlines())


def revoked_keys(flags: frozenset[str]) -> frozenset[KeyId]:
    """The keys that a team's flags revoke."""
    prefix = f"{REVOKED}:"
    return frozenset(KeyId(flag.removeprefix(prefix)) for flag in flags if flag.startswith(prefix))


def refusals_field(key: KeyId) -> str:
    """The field of a team's hash with a key's record of refused contents."""
    return f"m|{key}"


def refusals_of(text: bytes | None) -> Record:
    """What a key's record says, as strike.lua writes it."""
    until_ms, *refused_at_ms = (int(word) for word in (text or b"0").split())
    return Record(until_ms=until_ms, refused_at_ms=tuple(refused_at_ms))


def frozen_providers(flags: frozenset[str]) -> frozenset[ProviderName]:
    """The providers that the organisation's flags freeze."""
    prefix = f"{FREEZE}:"
    return frozenset(
        ProviderName(flag.removeprefix(prefix)) for flag in flags if flag.startswith(prefix)
    )


def live_overrides(text: bytes | None, now_ms: int) -> Mapping[str, int]:
    """Micro-USD that overrides add just now, by a balance's short name."""
    lifts: Counter[str] = Counter()
    for line in (text or b"").decode().split("\n"):
        if line:
            _, micro_usd, until_ms, name = line.split(" ", 3)
            if int(until_ms) > now_ms:
                lifts[name] += int(micro_usd)
    return lifts


def lines_of(overrides: Iterable[tuple[str, int, int, str]]) -> str:
    """The field of live overrides: id, micro-USD, end (Unix ms) and the balance's short name."""
    return "\n".join(" ".join(map(str, override)) for override in overrides)
