"""docs/store.md names every key and every field of a job."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from proxy.domain.ids import ProviderName
from proxy.store import keys
from proxy.store.codec import STATE_LETTERS
from proxy.store.keys import Keys

PAGE = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")
CELL = Keys(cell="cell")
NAMES = [name for name, _ in inspect.getmembers(Keys, inspect.isfunction) if name[0] != "_"]


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_a_cell_is_documented(name: str) -> None:
    method = getattr(CELL, name)
    key = method(*["<x>" for _ in inspect.signature(method).parameters])
    noun = ":".join(key.split(":")[:3])
    assert f"| `{noun}" in PAGE


def test_every_key_of_an_account_is_documented() -> None:
    provider = ProviderName("<provider>")
    for key in (
        keys.slots(provider, "<account>"),
        keys.submits(provider, "<account>"),
        keys.breakers(provider, "<account>"),
        keys.heard_by(provider, "<account>", "<report>"),
    ):
        assert f"| `{key}` |" in PAGE


def test_what_is_permanent_is_said_to_be() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `gl:{cell}:")]
    permanent = {row.split(":")[2].split("`")[0] for row in rows if "| permanent" in row}
    assert set(keys.PERMANENT) == permanent


def test_every_state_is_documented() -> None:
    for state, letter in STATE_LETTERS.items():
        assert f"`{letter}` {state.value}" in PAGE
