"""Time zones made for a test: its clock is a real store's, so the calendar has to come to it."""

from __future__ import annotations

import struct
from io import BytesIO
from zoneinfo import ZoneInfo

DAY_S = 86_400
HOUR_S = 3600


def a_zone(name: str, offset_s: int, *, change_at_s: int = 0, change_s: int = 0) -> ZoneInfo:
    """A zone at an offset from UTC, whose clocks are moved at an instant (Unix seconds).

    Source: RFC 9636, the file of version 1.
    """
    transitions = [change_at_s] if change_s else []
    offsets = [offset_s, offset_s + change_s][: 1 + len(transitions)]
    counts = (0, 0, 0, len(transitions), len(offsets), len("TST\0"))
    file = struct.pack(">4sc15x6l", b"TZif", b"\0", *counts)
    file += b"".join(struct.pack(">l", at_s) for at_s in transitions)
    file += bytes(range(1, len(offsets)))
    file += b"".join(struct.pack(">lbb", offset, 0, 0) for offset in offsets)
    return ZoneInfo.from_file(BytesIO(file + b"TST\0"), key=name)


def zone_without_midnight(at_s: int) -> ZoneInfo:
    """A zone in which it is midnight at an instant, and one o'clock at once."""
    return a_zone("Test/Gap", -(at_s % DAY_S), change_at_s=at_s, change_s=HOUR_S)


def zone_of_yesterday(at_s: int) -> ZoneInfo:
    """A zone in which the date is the one before UTC's."""
    return a_zone("Test/Yesterday", -(at_s % DAY_S) - HOUR_S)
