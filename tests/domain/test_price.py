"""Quotes are exact; what failed is charged as the provider bills it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.price import Billing, Quote, charge, quote
from proxy.domain.source import Verb
from tests.builders import a_price
from tests.job_builders import a_shape

BOOK = (
    a_price("720p", 84_000, audio=False),
    a_price("720p", 126_000, audio=True),
    a_price("4k", 420_000),
)


@pytest.mark.parametrize(
    ("resolution", "audio", "micro_usd"),
    [("720p", False, 420_000), ("720p", True, 630_000), ("4k", False, 2_100_000)],
)
def test_a_quote_is_the_rows_price_times_the_seconds(
    resolution: str, audio: bool, micro_usd: int
) -> None:
    quoted = quote(BOOK, a_shape(seconds=5, resolution=resolution, audio=audio))
    assert quoted is not None
    assert micro_usd == quoted.micro_usd
    assert quoted.price_id.startswith(resolution)


def test_a_row_for_both_prices_sound_and_silence_alike() -> None:
    silent, loud = (quote(BOOK, a_shape(resolution="4k", audio=audio)) for audio in (False, True))
    assert silent == loud == Quote(micro_usd=1_680_000, price_id="4k-any@2026-11-22")


@pytest.mark.parametrize(
    ("row", "verb", "name"),
    [
        ("m@1/720p/audio@2026-09-20", Verb.CREATE, "m@1/720p/audio@2026-09-20"),
        ("m@1/720p/audio@2026-09-20", Verb.EXTEND, "m@1/720p/audio/extend@2026-09-20"),
        ("720p", Verb.REMIX, "720p/remix"),
    ],
)
def test_the_books_tell_what_was_done_from_a_create(row: str, verb: Verb, name: str) -> None:
    assert name == replace(a_price("720p", 1), id=row).name(verb)


def test_no_row_is_no_quote() -> None:
    assert quote(BOOK, a_shape(resolution="1080p")) is None
    assert quote((), a_shape()) is None


@given(st.sampled_from(Billing), st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_providers_own_figure_wins(billing: Billing, reserved: int, reported: int) -> None:
    assert reported == charge(billing, reserved_micro_usd=reserved, reported_micro_usd=reported)


@pytest.mark.parametrize(
    ("billing", "micro_usd"),
    [(Billing.NONE, 0), (Billing.FULL, 336_000), (Billing.AS_REPORTED, 0)],
)
def test_without_a_figure_the_billing_rule_decides(billing: Billing, micro_usd: int) -> None:
    assert micro_usd == charge(billing, reserved_micro_usd=336_000, reported_micro_usd=None)
