"""Money, durations, sizes, rates and percentages, as they are written."""

from __future__ import annotations

from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.money import parse_micro_usd
from proxy.config.quantity import (
    parse_duration_ms,
    parse_percent,
    parse_rate_per_s,
    parse_size_bytes,
)
from proxy.domain.money import MICRO_USD_MAX, format_usd

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (parse_micro_usd, "$5000", 5_000_000_000),
        (parse_micro_usd, "$0.000001", 1),
        (parse_micro_usd, "$0", 0),
        (parse_duration_ms, "100ms", 100),
        (parse_duration_ms, "1.5h", 5_400_000),
        (parse_duration_ms, "90d", 7_776_000_000),
        (parse_size_bytes, "4GiB", 4 * 2**30),
        (parse_size_bytes, "1.5MB", 1_500_000),
        (parse_rate_per_s, "30/min", Fraction(1, 2)),
        (parse_rate_per_s, "0/s", Fraction(0)),
        (parse_rate_per_s, "1/d", Fraction(1, 86_400)),
        (parse_percent, "80%", 80),
    ],
)
def test_what_is_allowed(parse: Callable[[object], object], text: str, expected: object) -> None:
    assert expected == parse(text)


REFUSED: Final = MappingProxyType(
    {
        parse_micro_usd: (
            *(5, 5.0, True, None, "5", "$", "$-1", "$1.", "$1,000", "$.5", "$1e3", " $1"),
            *("$\u0663", "$1\n", "$0.0000001", "$9007199254.740992"),
        ),
        parse_duration_ms: (5, "5", "5 s", "5sec", "-5s", "s", "4000d"),
        parse_size_bytes: (5, "5", "5gb", "9999999TiB"),
        parse_rate_per_s: (5, "5", "5/minute", "/s"),
        parse_percent: (50, "50", "0%", "0.5%", "12345%"),
    }
)


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        pytest.param(parse, value, id=f"{parse.__name__}-{value!r}")
        for parse, values in REFUSED.items()
        for value in values
    ],
)
def test_what_is_refused(parse: Callable[[object], object], value: object) -> None:
    with pytest.raises(ValueError, match=r"write|must|too l"):
        parse(value)


@given(st.integers(min_value=0, max_value=MICRO_USD_MAX))
def test_every_amount_survives_being_written_and_read(micro_usd: int) -> None:
    assert micro_usd == parse_micro_usd(f"${format_usd(micro_usd)}")
