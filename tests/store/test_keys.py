"""Every key is built in one place, and carries its family's hash tag."""

from __future__ import annotations

import inspect
import re

from proxy.domain.ids import JobId, KeyId
from proxy.store import keys as module
from proxy.store.keys import Keys, slots, submits
from tests.builders import KLING, MARKETING

CELL = Keys("west")
ALL = (
    CELL.team(MARKETING),
    CELL.organisation(),
    CELL.job(JobId("video_x")),
    CELL.job_list(MARKETING),
    CELL.waiting(MARKETING),
    CELL.running(MARKETING),
    CELL.teams(),
    CELL.due(),
    CELL.ledger(),
    CELL.idempotency(KeyId("k7f3q2ab"), "header"),
    CELL.tries(KeyId("k7f3q2ab"), "f" * 64),
)


def test_a_cell_s_keys_share_one_hash_tag() -> None:
    assert {"gl:{west}"} == {key[:9] for key in ALL}
    assert len(ALL) == len(set(ALL))


def test_a_provider_account_s_keys_share_another() -> None:
    assert {"gl:{p:kling:main}"} == {
        key.rpartition(":")[0] for key in (slots(KLING, "main"), submits(KLING, "main"))
    }


def test_a_header_s_text_never_stands_in_a_key() -> None:
    assert "secret" not in CELL.idempotency(KeyId("k7f3q2ab"), "secret header")


def test_every_key_states_its_type_and_life() -> None:
    functions = [
        function
        for owner in (Keys, module)
        for _, function in inspect.getmembers(owner, inspect.isfunction)
        if function.__module__ == module.__name__ and not function.__name__.startswith("_")
    ]
    assert len(ALL) + 2 == len(functions)
    for function in functions:
        assert re.match(r"(HASH|ZSET|SET|STRING|STREAM), \w+", function.__doc__ or ""), function
