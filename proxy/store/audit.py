"""Entries of the audit as the scripts write them, in the words that people read."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.instant import iso_ms
from proxy.domain.money import format_usd
from proxy.gateway.ports.ledger import AuditEntry
from proxy.store.codec import STATES

if TYPE_CHECKING:
    from collections.abc import Mapping

_MONEY = frozenset(("adjust", "write_off", "unattributed", "override", "revoke_override"))
"""Actions whose `before` and `after` are micro-USD."""
_INSTANTS = frozenset(("end_cooldown",))
"""Actions whose `before` and `after` are Unix ms, 0 for none."""
_JOBS = frozenset(("resolve", "cancel"))
"""Actions whose `before` is a job's state, and `after` what became of it."""
_FLAGS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "freeze": ("free", "frozen"),
        "thaw": ("free", "frozen"),
        "drain": ("open", "drained"),
        "resume": ("open", "drained"),
        "revoke_key": ("live", "revoked"),
    }
)
"""Actions on a flag, with the words for its being down and up."""
_RESOLVED: Mapping[str, str] = MappingProxyType(
    {"s": "settled", "r": "released", "x": "cancelled", "c": "cancel requested"}
)


def audit_entry(entry_id: str, fields: Mapping[str, bytes]) -> AuditEntry:
    """Build an entry from the fields of the stream."""
    texts = {name: value.decode() for name, value in fields.items()}
    action, before, after = texts["action"], texts["before"], texts["after"]
    if action in _MONEY:
        before, after = format_usd(int(before)), format_usd(int(after))
    elif action in _FLAGS:
        before, after = (_FLAGS[action][int(flag)] for flag in (before, after))
    elif action in _INSTANTS:
        before, after = _instant(before), _instant(after)
    elif action in _JOBS:
        before, after = STATES[before].value, _ending(after)
    texts |= {"before": before, "after": after}
    return AuditEntry(id=entry_id, operation=texts.pop("op"), **texts)


def _instant(text: str) -> str:
    return iso_ms(int(text)) if text != "0" else "none"


def _ending(text: str) -> str:
    """What became of a job: `s 336000` is what its settlement cost, in micro-USD."""
    how, _, charged = text.partition(" ")
    cost = f" {format_usd(int(charged))}" if how == "s" else ""
    return _RESOLVED[how] + cost
