"""A configuration as plain texts, every default filled in: what two of them differ in.

The fields are found, not listed, so that a new setting is compared from its first day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from proxy.domain.bucket import RateLimit
from proxy.domain.money import format_usd

if TYPE_CHECKING:
    from proxy.domain.policy import Snapshot

_APART = frozenset({"budgets", "id", "name", "team"})
"""Not texts of their own: budgets are compared as accounts, the others name what is compared."""
_MICRO_USD = "_micro_usd"
_INSTANTS = frozenset({"expires_at_s", "deprecated_at_s", "retires_not_before_s", "retires_at_s"})
_SHOWN_OF_HASH = 8

Texts = dict[tuple[str, str], str]
"""(what is configured, its setting) -> value; an empty list is no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A setting that differs. None where one side does not have it."""

    where: str
    setting: str
    before: str | None
    after: str | None


def changes(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """Every setting but budgets that two configurations differ in, sorted."""
    old, new = settings(before), settings(after)
    return tuple(
        Change(where=where, setting=setting, before=old.get(place), after=new.get(place))
        for place in sorted(old.keys() | new.keys())
        for where, setting in (place,)
        if old.get(place) != new.get(place)
    )


def settings(snapshot: Snapshot) -> Texts:
    """Every setting of a configuration but its budgets and admin tokens."""
    named: list[tuple[str, object]] = [("worker", snapshot.engine), ("outage", snapshot.outage)]
    named += [(f"team {team.id}", team) for team in snapshot.teams.values()]
    named += [(f"key {key.id} of team {key.team}", key) for key in snapshot.keys.values()]
    named += [(f"policy {policy.name}", policy) for policy in snapshot.policies.values()]
    named += [(f"model {model.name}", model) for model in snapshot.models.values()]
    named += [(f"offer {offer.id}", offer) for offer in snapshot.offers]
    named += [(f"provider {provider.name}", provider) for provider in snapshot.providers.values()]
    texts: Texts = {
        ("artifacts", "max_bytes"): str(snapshot.artifact_bytes_max),
        **{(f"alias {alias}", "model"): model for alias, model in snapshot.aliases.items()},
    }
    if snapshot.public_url is not None:
        texts["server", "public_url"] = snapshot.public_url
    if snapshot.admin_limit is not None:
        texts["admin", "limit"] = _text("limit", snapshot.admin_limit)
    for where, value in named:
        texts |= {(where, setting): text for setting, text in _flat("", value) if text}
    return texts


def _flat(path: str, value: object) -> Iterable[tuple[str, str]]:
    parts = _parts(value)
    if parts is None:
        yield path, _text(path, value)
        return
    for name, part in parts:
        if part is not None and name not in _APART:
            yield from _flat(f"{path}.{name}" if path else name, part)


def _parts(value: object) -> list[tuple[str, object]] | None:
    """What a value is made of, by name; None where it is one text."""
    if isinstance(value, RateLimit):
        return None
    if is_dataclass(value):
        return [(item.name, getattr(value, item.name)) for item in fields(value)]
    if isinstance(value, Mapping):
        return [(str(name), part) for name, part in value.items()]
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return [
            (str(getattr(part, "id", None) or getattr(part, "name", place)), part)
            for place, part in enumerate(value)
        ]
    return None


def _text(path: str, value: object) -> str:
    name = path.rpartition(".")[2]
    if isinstance(value, RateLimit):
        return f"{value.capacity}, {1_000_000 / value.interval_us:g}/s"
    if isinstance(value, Enum | ZoneInfo):
        return str(value)
    if isinstance(value, tuple | frozenset):
        items = [_item(item) for item in value]
        return ", ".join(sorted(items) if isinstance(value, frozenset) else items)
    if name.endswith(_MICRO_USD):
        assert isinstance(value, int)
        return f"${format_usd(value)}"
    if name in _INSTANTS:
        assert isinstance(value, int | float)
        return datetime.fromtimestamp(value, UTC).isoformat()
    return str(value)[:_SHOWN_OF_HASH] if name == "sha256" else str(value)


def _item(item: object) -> str:
    """One of several; a sort key is a pair: larger first is written with a minus."""
    if isinstance(item, tuple):
        name, is_descending = item
        return f"-{name}" if is_descending else str(name)
    return str(item)
