"""Each admin token has a bucket of its own; probes and metrics never wait for any."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.bucket import Decision, no_refill
from proxy.domain.events import LimitChecked
from proxy.http.admin.endpoints import PREFIX, Role
from proxy.store.address import Address
from tests.gateway.admin.office import TOKENS, opened
from tests.store.stores import until_back

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.gateway.admin.office import Office
    from tests.gateway.harness import Stage


@pytest.fixture
async def limited(stage: Stage) -> AsyncIterator[Office]:
    """An office in which every token may ask twice."""
    current = stage.runtime.live.current
    snapshot = replace(current.snapshot, admin_limit=no_refill(2))
    stage.runtime.live.replace(replace(current, snapshot=snapshot))
    async with opened(stage) as office:
        yield office


async def asked(
    office: Office, role: Role, path: str = "/teams", method: str = "GET"
) -> tuple[int, Mapping[str, str], str]:
    headers = {"Authorization": f"Bearer {TOKENS[role]}"}
    async with office.client.request(method, PREFIX + path, headers=headers) as answer:
        error = (await answer.json()).get("error", {})
        return answer.status, answer.headers, error.get("code", "")


async def test_a_token_may_ask_as_often_as_its_bucket_allows(limited: Office) -> None:
    for left in (1, 0):
        status, headers, _ = await asked(limited, Role.VIEWER)
        assert (200, str(left)) == (status, headers["x-ratelimit-remaining-requests"])
        assert headers["RateLimit"].startswith(f'"admin";r={left};t=')
    status, headers, code = await asked(limited, Role.VIEWER)
    assert (429, "rate_limit_exceeded") == (status, code)
    assert int(headers["Retry-After"]) > 0
    assert '"admin";q=2' == headers["RateLimit-Policy"]
    assert 200 == (await asked(limited, Role.FINANCE))[0]


async def test_whatever_a_token_asks_for_counts(limited: Office) -> None:
    assert 404 == (await asked(limited, Role.VIEWER, "/nothing"))[0]
    assert 403 == (await asked(limited, Role.VIEWER, "/config/reload", "POST"))[0]
    assert 429 == (await asked(limited, Role.VIEWER))[0]
    decided = [event.decision for event in limited.stage.observer.of(LimitChecked)]
    assert [Decision.ALLOWED, Decision.NEAR_LIMIT, Decision.REFUSED] == decided


async def test_probes_and_metrics_are_always_answered(limited: Office) -> None:
    while (await asked(limited, Role.VIEWER))[0] != 429:
        pass
    for path in ("/livez", "/readyz", "/metrics"):
        for _ in range(3):
            async with limited.client.get(path) as answer:
                assert 200 == answer.status
    async with limited.client.get(f"{PREFIX}/teams") as answer:
        assert 401 == answer.status


async def test_without_the_store_a_token_has_a_bucket_here(limited: Office) -> None:
    client = limited.stage.client
    address = client.address
    client.address = Address(path="/nowhere")
    await client.close()
    try:
        statuses = [(await asked(limited, Role.VIEWER, "/config"))[0] for _ in range(3)]
    finally:
        client.address = address
        await until_back(client)
    assert [200, 200, 429] == statuses
    (*_, told) = limited.stage.observer.of(LimitChecked)
    assert ("", "admin", "local") == (told.team, told.limit_class, told.mode)


async def test_without_a_limit_nobody_is_counted(office: Office) -> None:
    status, headers, _ = await asked(office, Role.VIEWER)
    assert 200 == status
    assert "RateLimit" not in headers
    assert [] == office.stage.observer.of(LimitChecked)
