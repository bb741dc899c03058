"""Reads durations, sizes, rates and percentages as they are written in the files."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

_NUMBER: Final = r"[0-9]{1,12}(?:\.[0-9]{1,6})?"
_DURATION_MS_MAX: Final = 3660 * 86_400_000
_SIZE_BYTES_MAX: Final = 2**53 - 1

_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BYTES: Final = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_PERIOD_S: Final = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}

_DURATION: Final = re.compile(rf"({_NUMBER})(ms|s|m|h|d)", re.ASCII)
_SIZE: Final = re.compile(rf"({_NUMBER})({'|'.join(_BYTES)})", re.ASCII)
_RATE: Final = re.compile(rf"({_NUMBER})/(s|min|h|d)", re.ASCII)
_PERCENT: Final = re.compile(r"([1-9][0-9]{0,3})%", re.ASCII)
_ABOVE: Final = re.compile(r"> ?([0-9]{1,4})%", re.ASCII)


def parse_duration_ms(value: object) -> int:
    """Read `30s`, `1.5h` or `90d` as whole milliseconds, rounded down.

    Raises:
        ValueError: Not such a text, or above ten years.
    """
    found = _match(_DURATION, value, "a duration", "a number and ms, s, m, h or d, such as 30s")
    duration_ms = int(Decimal(found[1]) * _MS[found[2]])
    if duration_ms > _DURATION_MS_MAX:
        message = f"{value!r} is too long; at most 3660d are allowed"
        raise ValueError(message)
    return duration_ms


def parse_size_bytes(value: object) -> int:
    """Read `4GiB` or `100MB` as bytes, rounded down.

    Raises:
        ValueError: Not such a text, or 2^53 bytes and above.
    """
    found = _match(
        _SIZE,
        value,
        "a size",
        "a number and B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as 4GiB",
    )
    size_bytes = int(Decimal(found[1]) * _BYTES[found[2]])
    if size_bytes > _SIZE_BYTES_MAX:
        message = f"{value!r} is too large; it must be below 2^53 bytes"
        raise ValueError(message)
    return size_bytes


def parse_rate_per_s(value: object) -> Fraction:
    """Read `30/min` or `200/s` as an exact number per second; `0/s` means never.

    Raises:
        ValueError: Not such a text.
    """
    found = _match(_RATE, value, "a rate", "a number per s, min, h or d, such as 30/min or 0/s")
    return Fraction(found[1]) / _PERIOD_S[found[2]]


def parse_percent(value: object) -> int:
    """Read `80%` as 80.

    Raises:
        ValueError: Not such a text.
    """
    return int(_match(_PERCENT, value, "a percentage", "1 to 9999 and %, such as 80%")[1])


def parse_above_percent(value: object) -> int:
    """Read `>80%` as 80.

    Raises:
        ValueError: Not such a text.
    """
    return int(_match(_ABOVE, value, "a threshold", '> and 0 to 9999 %, such as ">80%"')[1])


def _match(pattern: re.Pattern[str], value: object, noun: str, form: str) -> re.Match[str]:
    """Match a whole text; the message says what the value is not, and the form to write."""
    found = pattern.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        message = f"{str(value)[:40]!r} is not {noun}; write {form}"
        raise ValueError(message)
    return found
