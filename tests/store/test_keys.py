"""Every key is built in one place and carries its family's hash tag."""

from __future__ import annotations

import inspect
import re

from proxy.domain.ids import KeyId
from proxy.store import keys as module
from proxy.store.keys import Keys, breakers, heard_by, slots, submits
from tests.builders import KLING

CELL = Keys("west")
BUILDERS = {
    name: getattr(CELL, name)
    for name, _ in inspect.getmembers(Keys, inspect.isfunction)
    if not name.startswith("_")
}


def test_a_cell_s_keys_share_one_hash_tag_and_differ() -> None:
    built = [
        builder(*["x" for _ in inspect.signature(builder).parameters])
        for builder in BUILDERS.values()
    ]
    assert {"gl:{west}"} == {key[:9] for key in built}
    assert len(built) == len(set(built))


def test_a_provider_account_s_keys_share_another() -> None:
    built = [build(KLING, "main") for build in (slots, submits, breakers)]
    built.append(heard_by(KLING, "main", "op1"))
    assert {"gl:{p:kling:main}"} == {key[:17] for key in built}
    assert len(built) == len(set(built))


def test_a_header_s_text_never_stands_in_a_key() -> None:
    assert "secret" not in CELL.idempotency(KeyId("k7f3q2ab"), "secret header")


def test_every_key_states_its_type_and_life() -> None:
    for function in (*BUILDERS.values(), slots, submits, breakers, heard_by):
        assert function.__module__ == module.__name__
        assert re.match(r"(HASH|ZSET|SET|STRING|STREAM|LIST), \w+", function.__doc__ or ""), (
            function
        )
