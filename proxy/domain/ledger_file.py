"""A closed day of the ledger as a file: one entry a line, the same bytes for the same entries."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from proxy.domain.ledger import Charge, Entry, EntryKind

if TYPE_CHECKING:
    from datetime import date

DAY_MS = 86_400_000
LAST_NUMBER = 2**64 - 1
"""The highest number that an entry's id can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedDay:
    """What a day's file holds: rows, first and last entry, sum spent, SHA-256 in hex."""

    day: str
    rows: int
    first_id: str
    last_id: str
    spent_micro_usd: int
    sha256: str


def day_of(at_ms: int) -> str:
    """The UTC date of an instant, as ISO 8601."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


def start_ms(day: date) -> int:
    """The first instant of a UTC date, Unix milliseconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def id_order(entry_id: str) -> tuple[int, int]:
    """What entry ids are sorted by: the store's clock in ms, then the number."""
    at_ms, _, number = entry_id.partition("-")
    return int(at_ms), int(number or 0)


def id_before(entry_id: str) -> str:
    """The last id that comes before another in their order."""
    at_ms, number = id_order(entry_id)
    return f"{at_ms}-{number - 1}" if number else f"{at_ms - 1}-{LAST_NUMBER}"


def line_of(entry: Entry) -> str:
    """One entry as compact JSON, keys sorted, what is not known left out; no line break."""
    values = _said(entry)
    charge = _said(entry.charge)
    values.pop("charge", None)
    return json.dumps(
        values | ({"charge": charge} if charge else {}),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )


def entry_of(line: str) -> Entry:
    """Read a line of a day's file.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    values: dict[str, Any] = {"operation": "", "attempt": "", "team": "", **json.loads(line)}
    return Entry(
        kind=EntryKind(values.pop("kind")),
        balances=tuple(values.pop("balances", ())),
        charge=Charge(**values.pop("charge", {})),
        reserved_micro_usd=values.pop("reserved_micro_usd", 0),
        spent_micro_usd=values.pop("spent_micro_usd", 0),
        **values,
    )


def _said(value: Entry | Charge) -> dict[str, object]:
    """Fields of a value that say something."""
    said: dict[str, object] = {}
    for field in fields(value):
        content = getattr(value, field.name)
        default = field.default if field.default is not MISSING else None
        if content not in (default, "", 0, (), {}):
            said[field.name] = dict(content) if field.name == "metadata" else content
    return said
