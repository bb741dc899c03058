"""Dollars are read and printed without ever passing through a float."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.money import MICRO_USD_MAX, format_usd, parse_signed_usd, parse_usd

amounts = st.integers(min_value=0, max_value=MICRO_USD_MAX)


@given(amounts)
def test_what_is_printed_is_read_back(micro_usd: int) -> None:
    assert micro_usd == parse_usd(format_usd(micro_usd))


@given(amounts, st.integers(min_value=0, max_value=30))
def test_zeros_at_the_ends_change_nothing(micro_usd: int, zeros: int) -> None:
    assert micro_usd == parse_usd("0" * (zeros // 2) + format_usd(micro_usd) + "0" * zeros)


@given(st.text(alphabet="0123456789.+-_eE ,$²٣\n", max_size=12))
def test_any_text_is_an_amount_or_a_value_error(text: str) -> None:
    try:
        micro_usd = parse_usd(text)
    except ValueError:
        return
    whole, _, part = text.partition(".")
    assert micro_usd * 10 ** len(part) == int(whole + part) * 1_000_000


@pytest.mark.parametrize(
    ("text", "micro_usd"),
    [
        ("0", 0),
        ("12", 12_000_000),
        ("0.336", 336_000),
        ("0.000001", 1),
        ("0.30", 300_000),
        ("007.5", 7_500_000),
        ("9007199254.740991", MICRO_USD_MAX),
    ],
)
def test_plain_decimals_are_amounts(text: str, micro_usd: int) -> None:
    assert micro_usd == parse_usd(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "plain decimal"),
        (".5", "plain decimal"),
        ("5.", "plain decimal"),
        ("1e3", "plain decimal"),
        ("1_000", "plain decimal"),
        (" 1 ", "plain decimal"),
        ("1\n", "plain decimal"),
        ("+1", "plain decimal"),
        ("-1", "plain decimal"),
        ("-0", "plain decimal"),
        ("NaN", "plain decimal"),
        ("Infinity", "plain decimal"),
        ("٣", "plain decimal"),
        ("9" * 5000, "plain decimal"),
        ("0.0000001", "finer than a micro-dollar"),
        ("1.0000000000000000000000000000001", "finer than a micro-dollar"),
        ("9007199254.740992", "at most 9007199254.740991"),
    ],
)
def test_anything_else_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_usd(text)


def test_amounts_are_printed_with_six_places() -> None:
    assert ["0.000000", "0.336000", "-1.250000"] == [
        format_usd(0),
        format_usd(336_000),
        format_usd(-1_250_000),
    ]


@given(st.integers(-MICRO_USD_MAX, MICRO_USD_MAX))
def test_a_signed_amount_is_read_back(micro_usd: int) -> None:
    assert micro_usd == parse_signed_usd(format_usd(micro_usd))


@pytest.mark.parametrize("text", ["--1", "+1", "-", "- 1"])
def test_one_minus_is_all_a_sign_may_be(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal"):
        parse_signed_usd(text)
