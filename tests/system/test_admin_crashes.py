"""kill -9 as soon as the store has made a change by a person: asked for again, it is made once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from proxy.store.address import EmbeddedAddress
from proxy.store.embedded import EmbeddedStore
from proxy.store.keys import Keys
from proxy.store.ledger import RedisLedger
from tests.system.doomed import doomed
from tests.system.money import all_settled, check_ledger, check_money, store_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.deployment import Deployment

REASON = {"reason": "November"}
ADJUST, NOBODY = "StoreCalled.adjust:2", "StoreCalled.unattributed"
LIFT, FREEZE, WRITE_OFF = "StoreCalled.override", "StoreCalled.flag", "StoreCalled.write_off"
POINTS = (ADJUST, NOBODY, WRITE_OFF, LIFT, FREEZE)
VIDEO = {"model": "kling-3.0", "seconds": 4}
PRICE = 336_000


@pytest.fixture
def crashing(deployment: Deployment) -> Iterator[Deployment]:
    """Simulator and store alone, which outlive every crash."""
    store = EmbeddedStore(EmbeddedAddress(folder=str(deployment.folder / "redis")))
    store.launch()
    store.wait_ready()
    deployment.store_url = f"unix://{store.address.path}"
    deployment.render_s = 0.1
    deployment.start_simulator()
    yield deployment
    store.stop()


async def ask(
    deployment: Deployment, url: str, path: str, body: dict[str, Any]
) -> dict[str, Any] | None:
    """Ask an admin listener for a change, known by its path; None if it did not live to answer."""
    token = deployment.admin_token if "freezes" in path else deployment.finance_token
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": path}
    try:
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"{url}/admin/v1{path}", json={**body, **REASON}) as answer,
        ):
            found: dict[str, Any] = await answer.json()
            assert answer.status == 200, found
            return found
    except aiohttp.ClientError:
        return None


async def test_a_change_whose_process_dies_is_made_once(crashing: Deployment) -> None:
    async with doomed(crashing, *POINTS) as proxies:
        urls = {point: each["admin_url"] for point, each in proxies.addresses.items()}
        changes = await prepared(crashing, proxies.addresses[ADJUST]["base_url"])
        for point, (path, body) in changes.items():
            assert None is await ask(crashing, urls[point], path, body), point
        url = (await proxies.survivor())["admin_url"]
        said = {
            point: await ask(crashing, url, path, body) for point, (path, body) in changes.items()
        }
    posted, lifted, frozen = said[ADJUST], said[LIFT], said[FREEZE]
    assert posted is not None
    assert lifted is not None
    assert frozen is not None
    # The first posted two of three corrections, the second what was left: nothing is missing now.
    assert [] == posted["posted"] == posted["refused"]
    assert "0.000000" == posted["before"]["difference"] == posted["after"]["difference"]
    assert ("5.000000", "5.000000") == (lifted["amount"], lifted["total"])
    assert frozen["changed"]
    changes_made = {"adjust": 3, "unattributed": 1, "write_off": 1, "override": 1}
    async with store_of(crashing) as client:
        ledger = RedisLedger(client, Keys())
        await check_ledger(ledger)
        entries = Counter([entry.kind.value async for entry in ledger.entries()])
        audit = Counter([entry.action async for entry in ledger.audit()])
    assert changes_made == {kind: entries[kind] for kind in changes_made}
    assert {**changes_made, "freeze": 1} == audit


async def prepared(deployment: Deployment, base_url: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Four videos, and what finance wants to change about them: path and body by crash point."""
    headers = {"Authorization": f"Bearer {deployment.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for number in range(4):
            body = {"prompt": f"Boat {number}.", **VIDEO}
            async with session.post(f"{base_url}/videos", json=body) as answer:
                assert answer.status == 200, await answer.text()
    jobs = await all_settled(deployment)
    assert [] == await check_money(deployment)
    *others, last = [job.attempt_id for job in jobs]
    lines = [f"{attempt},{PRICE - 1}" for attempt in others] + [f"{last},{PRICE}", "nobody,7"]
    invoice = {
        "invoice": "\n".join(["external_id,micro_usd", *lines]),
        "provider": "kling",
        "since": "2020-01-01",
    }
    lift = {"budget": "monthly", "team": "marketing", "amount": "5"}
    return {
        ADJUST: ("/ledger/reconcile/post", invoice),
        NOBODY: ("/ledger/reconcile/post", invoice),
        WRITE_OFF: ("/ledger/write_off", {"attempt": last}),
        LIFT: ("/overrides", lift),
        FREEZE: ("/freezes", {"team": "marketing"}),
    }
