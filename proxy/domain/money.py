"""Integer micro-dollars: 1 USD = 1,000,000. Decimals appear only while reading and printing."""

from __future__ import annotations

import re

DECIMALS = 6
MICRO_USD_PER_USD = 1_000_000
MICRO_USD_MAX = 2**53 - 1
"""Largest amount anywhere: Lua compares numbers as doubles, exact only below 2^53."""

# No sign, exponent, underscore or foreign digit, all of which int() and Decimal() accept.
_PLAIN = re.compile(r"([0-9]{1,40})(?:\.([0-9]+))?", re.ASCII)

_ALLOWED = "a plain decimal dollar amount"


def parse_usd(text: str) -> int:
    """Read a plain decimal dollar amount ("0.336", "12") into micro-USD.

    Raises:
        ValueError: not a plain decimal, negative, finer than a micro-dollar, or above
            MICRO_USD_MAX.
    """
    found = _PLAIN.fullmatch(text)
    if found is None:
        message = f"is not {_ALLOWED} of at least 0, such as 250 or 0.336"
        raise ValueError(message)
    whole, part = found[1], (found[2] or "").rstrip("0")
    if len(part) > DECIMALS:
        message = f"is finer than a micro-dollar ({DECIMALS} decimal places)"
        raise ValueError(message)
    micro_usd = int(whole) * MICRO_USD_PER_USD + int(part.ljust(DECIMALS, "0"))
    if micro_usd > MICRO_USD_MAX:
        message = f"must be at most {format_usd(MICRO_USD_MAX)}"
        raise ValueError(message)
    return micro_usd


def parse_signed_usd(text: str) -> int:
    """Read a dollar amount as `parse_usd` does; it may be negative: "-0.336" -> -336000.

    Raises:
        ValueError: as `parse_usd`.
    """
    amount = text.removeprefix("-")
    if _PLAIN.fullmatch(amount) is None:
        message = f"is not {_ALLOWED}, such as 250, 0.336 or -0.80"
        raise ValueError(message)
    return -parse_usd(amount) if amount != text else parse_usd(amount)


def format_usd(micro_usd: int) -> str:
    """Print micro-USD as a decimal dollar string with six places: 336000 -> "0.336000"."""
    sign = "-" if micro_usd < 0 else ""
    whole, part = divmod(abs(micro_usd), MICRO_USD_PER_USD)
    return f"{sign}{whole}.{part:06d}"
