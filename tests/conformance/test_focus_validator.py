"""The published validator of FOCUS 1.0 reads our export. `make soak` gives it its environment."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.gateway.finance.export import Export, ExportFormat
from tests.builders import NOW_MS
from tests.ledger_entries import DAY_MS, Book, ListedHistory, a_charge

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.domain.ledger import Entry

VALIDATOR = "FOCUS_VALIDATOR"
"""Names the program in the environment that `make soak` makes."""


@pytest.fixture(scope="module")
def validator() -> Path:
    named = os.environ.get(VALIDATOR)
    if not named:
        pytest.skip("focus-validator is not installed here (run: make soak)")
    return Path(named).absolute()


def a_mixed_month() -> list[Entry]:
    """Every kind of charge there is."""
    book = Book()
    failed = a_charge(outcome="content_policy")
    for number in range(40):
        cost = (500_000, 560_000, 100_000, None)[number % 4]
        metadata = {"project": "spring"} if number % 2 else {}
        charge = a_charge(metadata=metadata) if number % 4 < 2 else failed
        team = ("marketing", "research")[number % 2]
        book.attempt(f"video_{number}-1", quote=500_000, cost=cost, charge=charge, team=team)
        book.at_ms += 60_000
    book.write_off("video_2-1", 100_000, failed)
    book.at_ms += 20 * DAY_MS
    book.adjust("video_2-1", -5, failed)
    book.unattributed(a_charge(key="", model="", account="", task="t9", outcome=""), 77)
    return book.entries


def one_video() -> list[Entry]:
    book = Book()
    book.attempt("video_a-1", quote=500_000, cost=500_000, charge=a_charge())
    return book.entries


def one_correction() -> list[Entry]:
    book = Book()
    book.adjust("video_a-1", -5, a_charge())
    return book.entries


async def focus_1_0(entries: list[Entry]) -> bytes:
    export = Export(
        ListedHistory(entries),
        ExportFormat.FOCUS_1_0,
        since_ms=0,
        until_ms=NOW_MS + 99 * DAY_MS,
    )
    return b"".join([piece async for piece in export.pieces()])


@pytest.mark.parametrize("make", [a_mixed_month, one_video, one_correction])
def test_it_finds_nothing_wrong(
    make: Callable[[], list[Entry]], validator: Path, tmp_path: Path
) -> None:
    file = tmp_path / "focus.csv"
    file.write_bytes(asyncio.run(focus_1_0(make())))
    (site,) = validator.parent.parent.glob("lib/python*/site-packages")
    said = subprocess.run(
        [validator, "--data-file", file],
        check=True,
        # It reads its list of currencies by a path that begins where it was installed.
        cwd=site,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "Validation succeeded." in said.stdout, said.stdout + said.stderr
