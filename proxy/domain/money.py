"""Integer micro-dollars: 1 USD = 1,000,000. Decimal appears only while reading and printing."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

MICRO_USD_PER_USD = 1_000_000
MICRO_USD_MAX = 2**53 - 1
"""Largest amount anywhere: Lua compares numbers as doubles, exact only below 2^53."""


def parse_usd(text: str) -> int:
    """Read a plain decimal dollar amount ("0.336", "12") into micro-USD.

    Raises:
        ValueError: not a plain decimal, negative, finer than a micro-dollar, or above
            MICRO_USD_MAX.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        message = "is not a decimal dollar amount"
        raise ValueError(message) from error
    if not amount.is_finite() or amount < 0:
        message = "must be a finite amount of at least 0"
        raise ValueError(message)
    if amount > Decimal(MICRO_USD_MAX) / MICRO_USD_PER_USD:
        message = f"must be at most {format_usd(MICRO_USD_MAX)}"
        raise ValueError(message)
    micro_usd = amount * MICRO_USD_PER_USD
    if micro_usd != micro_usd.to_integral_value():
        message = "is finer than a micro-dollar (six decimal places)"
        raise ValueError(message)
    return int(micro_usd)


def format_usd(micro_usd: int) -> str:
    """Print micro-USD as a decimal dollar string with six places: 336000 -> "0.336000"."""
    sign = "-" if micro_usd < 0 else ""
    whole, part = divmod(abs(micro_usd), MICRO_USD_PER_USD)
    return f"{sign}{whole}.{part:06d}"
