"""Entries as CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.export.entries import COLUMNS, csv_row, header, json_row, parse_row
from proxy.domain.export.sheet import csv_line, text_cell, text_of
from proxy.domain.ledger import EntryKind
from tests.ledger_entries import Book, a_charge, ledgers

if TYPE_CHECKING:
    from proxy.domain.ledger import Entry

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@given(ledgers())
def test_what_is_written_is_read_back(entries: list[Entry]) -> None:
    text = header() + "".join(csv_row(entry) for entry in entries)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [list(COLUMNS)] == rows[:1]
    assert entries == [parse_row(row) for row in rows[1:]]


def test_a_line_reads_like_this() -> None:
    entry = Book(at_ms=1_793_880_000_250).add(
        EntryKind.SETTLE,
        attempt="video_a-1",
        reserved=-400_000,
        spent=336_000,
        charge=a_charge(metadata={"b": "2", "a": "1"}, task="t1"),
        reason="as said, so done",
    )
    assert (
        "1793880000250-1,2026-11-05T12:00:00.250Z,settle,op-1,video_a,video_a-1,marketing,"
        "k7f3q2ab,balanced,kling,main,kling-3.0,kling/kling-3.0:1080p,0123456789abcdef,vendor,"
        '4711,1080p,completed,t1,5,"{""a"":""1"",""b"":""2""}",-0.400000,0.336000,0.000000,0,,'
        '"as said, so done","[""org|month|2026-11""]"\n'
    ) == csv_row(entry)


@given(ledgers())
def test_json_lines_hold_the_same(entries: list[Entry]) -> None:
    for entry in entries:
        line = json_row(entry)
        named = json.loads(line)
        assert list(COLUMNS) == list(named)
        assert (entry.id, entry.kind, dict(entry.charge.metadata), list(entry.balances)) == (
            named["id"],
            named["kind"],
            named["metadata"],
            named["balances"],
        )
        assert "\n" not in line[:-1]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "'quoted"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert "'" + text == text_cell(text)


@given(TEXTS)
def test_a_guarded_text_is_read_back(text: str) -> None:
    assert text == text_of(text_cell(text))


@given(st.lists(TEXTS, min_size=2))
def test_any_line_is_read_back(cells: list[str]) -> None:
    assert [cells] == list(csv.reader(io.StringIO(csv_line(cells), newline="")))
