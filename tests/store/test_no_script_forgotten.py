"""Each script that changes something loses its reply in some test, from its first day on."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import proxy.store
from tests.store.scripts import CHANGING, SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LATE = {"learn", "put_off", "slot_take", "spend"}
"""Those of which a late copy does something: a token, a lease, a delay or a sample; no money."""


def marks() -> Iterator[pytest.Mark]:
    """Every mark `loses` of a test or of one of its parameters."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.store.{path.stem}")
        for test in vars(module).values():
            yield from named(getattr(test, "pytestmark", ()))


def named(found: Iterable[pytest.Mark]) -> Iterator[pytest.Mark]:
    for mark in found:
        if mark.name == "loses":
            yield mark
        if mark.name == "parametrize":
            for values in mark.args[1]:
                yield from named(getattr(values, "marks", ()))


def test_every_changing_script_loses_its_reply_in_some_test() -> None:
    lost = {name for mark in marks() for name in mark.args}
    assert set() == set(CHANGING) - lost, "add a test to test_lost_replies.py"


def test_a_late_copy_of_what_moves_money_does_nothing() -> None:
    assert LATE == {name for mark in marks() for name in mark.kwargs.get("late", ())}


def test_every_script_is_run_by_the_store() -> None:
    sources = (path.read_text("utf-8") for path in Path(proxy.store.__path__[0]).glob("*.py"))
    loaded = re.findall(r'Script\.load\("(\w+)"\)', "".join(sources))
    assert set(SCRIPTS) == set(loaded)
