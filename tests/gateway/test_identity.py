"""Who calls: a key that holds, or an error that tells nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import Forbidden, Unauthenticated
from proxy.domain.policy import Scope
from proxy.gateway.identity import authenticate
from tests.builders import MARKETING, NOW_S, PRINTED_KEY, a_key, a_snapshot

if TYPE_CHECKING:
    from tests.gateway.harness import Stage

NONSENSE = [
    "",
    "gl_",
    "gl__",
    "gl_k7f3q2ab_",
    PRINTED_KEY[:-1],
    PRINTED_KEY + "s",
    PRINTED_KEY.upper(),
    PRINTED_KEY.replace("gl_", "gla_", 1),
    PRINTED_KEY.replace("k7f3q2ab", "zzzzzzzz"),
    "gl_k7f3q2ab_\udcff\ud800",
    "k7f3q2ab",
    "gl_k7f3q2ab",
]


def test_a_good_key_is_its_teams() -> None:
    snapshot = a_snapshot()
    for scope in Scope:
        caller = authenticate(PRINTED_KEY, scope, snapshot, NOW_S)
        assert MARKETING == caller.team.id
        assert a_key() == caller.key


@pytest.mark.parametrize("presented", NONSENSE)
def test_anything_else_is_told_nothing(presented: str) -> None:
    with pytest.raises(Unauthenticated, match=r"^the API key is unknown, expired or revoked$"):
        authenticate(presented, Scope.READ, a_snapshot(), NOW_S)


def test_a_hash_under_another_prefix_does_not_hold() -> None:
    key = a_key(printed=PRINTED_KEY.replace("gl_", "xx_", 1))
    with pytest.raises(Unauthenticated):
        authenticate("xx" + PRINTED_KEY[2:], Scope.READ, a_snapshot(keys=[key]), NOW_S)


def test_a_key_ends_at_its_expiry() -> None:
    snapshot = a_snapshot(keys=[a_key(expires_at_s=NOW_S)])
    authenticate(PRINTED_KEY, Scope.READ, snapshot, NOW_S - 0.001)
    with pytest.raises(Unauthenticated):
        authenticate(PRINTED_KEY, Scope.READ, snapshot, NOW_S)


def test_a_key_does_only_what_its_scopes_say() -> None:
    snapshot = a_snapshot(keys=[replace(a_key(), scopes=frozenset({Scope.READ}))])
    authenticate(PRINTED_KEY, Scope.READ, snapshot, NOW_S)
    with pytest.raises(Forbidden, match="submit"):
        authenticate(PRINTED_KEY, Scope.SUBMIT, snapshot, NOW_S)


async def test_the_front_asks_the_configuration_in_force(stage: Stage) -> None:
    assert MARKETING == stage.videos.authenticate(PRINTED_KEY, Scope.READ).team.id
    stage.reload(replace(stage.snapshot, keys={}))
    with pytest.raises(Unauthenticated):
        stage.videos.authenticate(PRINTED_KEY, Scope.READ)
