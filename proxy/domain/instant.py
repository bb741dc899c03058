"""Instants as texts, in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_MS_PER_S = 1000


def iso_ms(at_ms: int) -> str:
    """Write an instant with its milliseconds: "2026-11-24T09:30:00.250Z"."""
    return f"{_seconds(at_ms)}.{at_ms % _MS_PER_S:03d}Z"


def iso_s(at_ms: int) -> str:
    """Write an instant to the second, the rest cut off: "2026-11-24T09:30:00Z"."""
    return _seconds(at_ms) + "Z"


def parse_instant(text: str, zone: ZoneInfo) -> int:
    """Read a date (its first instant in `zone`) or an ISO 8601 instant with offset; Unix ms.

    Raises:
        ValueError: neither; the message says what is allowed.
    """
    try:
        if "T" not in text.upper():
            at = datetime.combine(date.fromisoformat(text), time(), zone).astimezone(UTC)
        else:
            at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime(1, 1, 1)  # noqa: DTZ001  naive: refused below with everything else
    if at.tzinfo is None:
        message = f"{text!r} is neither a date (2026-11-01) nor an instant (2026-11-01T00:00:00Z)"
        raise ValueError(message)
    return round(at.timestamp() * _MS_PER_S)


def _seconds(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms // _MS_PER_S, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S")
