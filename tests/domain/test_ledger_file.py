"""A line of a day's file says an entry, whole and always in the same bytes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.ledger import Charge, Entry, EntryKind
from proxy.domain.ledger_file import day_of, entry_of, id_order, line_of, start_ms

words = st.text(max_size=12)
amounts = st.integers(min_value=-(2**53), max_value=2**53)
charges = st.builds(
    Charge,
    key=words,
    policy=words,
    provider=words,
    task=words,
    seconds=st.integers(min_value=0, max_value=600),
    outcome=words,
    metadata=st.dictionaries(words, words, max_size=3),
)
entries = st.builds(
    Entry,
    id=st.just("1795000000000-7"),
    kind=st.sampled_from(EntryKind),
    operation=words,
    attempt=words,
    team=words,
    balances=st.lists(words, max_size=3).map(tuple),
    reserved_micro_usd=amounts,
    spent_micro_usd=amounts,
    charge=charges,
    actor=words,
    reason=words,
    amount_micro_usd=amounts,
    until_ms=st.integers(min_value=0, max_value=2**53),
)


@given(entries)
def test_a_line_says_the_whole_entry(entry: Entry) -> None:
    line = line_of(entry)
    assert "\n" not in line
    assert entry == entry_of(line)
    assert line == line_of(entry_of(line))


def test_what_is_not_known_is_left_out() -> None:
    entry = Entry(
        id="5-0",
        kind=EntryKind.RELEASE,
        operation="",
        attempt="video_a-1",
        team="marketing",
        balances=("team:marketing|month|2026-11",),
        reserved_micro_usd=-336_000,
        spent_micro_usd=0,
    )
    assert (
        '{"attempt":"video_a-1","balances":["team:marketing|month|2026-11"],"id":"5-0",'
        '"kind":"release","reserved_micro_usd":-336000,"team":"marketing"}'
    ) == line_of(entry)


@pytest.mark.parametrize(
    "line", ["", "[]", "{}", '{"kind":"gift","id":"1-0"}', '{"kind":"settle"}']
)
def test_another_text_is_no_entry(line: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        entry_of(line)


def test_days_are_those_of_utc() -> None:
    midnight_ms = start_ms(date(2028, 2, 29))
    assert ["2028-02-28", "2028-02-29"] == [day_of(midnight_ms - 1), day_of(midnight_ms)]


def test_ids_are_sorted_by_number() -> None:
    ids = ["10-0", "9-12", "9-2", "9"]
    assert ["9", "9-2", "9-12", "10-0"] == sorted(ids, key=id_order)
