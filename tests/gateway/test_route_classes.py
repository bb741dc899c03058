"""Every route that needs a key takes a token of one class, and of no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from proxy.domain.bucket import LimitMode
from proxy.domain.policy import RouteClass
from proxy.domain.source import Verb
from proxy.http import endpoints
from proxy.http.endpoints import Endpoint
from tests.builders import MARKETING, PRINTED_KEY, a_key, a_rate_limit, a_team
from tests.gateway.edge import serving
from tests.gateway.harness import fast_snapshot
from tests.source_builders import a_support, that_can

if TYPE_CHECKING:
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

SUBMIT, POLL, CONTENT = RouteClass.SUBMIT, RouteClass.POLL, RouteClass.CONTENT
NEVER_US = 10**12
LIMITS = {each: a_rate_limit(capacity=9, interval_us=NEVER_US) for each in (SUBMIT, POLL, CONTENT)}
DOES_ALL = that_can(
    {
        Verb.REMIX: a_support(),
        Verb.EDIT: a_support(),
        Verb.EXTEND: a_support(adds=(4,)),
    }
)
WITH_A_KEY = [
    value
    for value in vars(endpoints).values()
    if isinstance(value, Endpoint) and value.access.scope is not None
]
BODIES: dict[str, dict[str, object]] = {
    "createVideo": {"prompt": "a fox", "seconds": 4},
    "quoteVideo": {"prompt": "a fox", "seconds": 4},
    "remixVideo": {"prompt": "in the rain"},
    "editVideo": {"prompt": "in the rain", "video": None},
    "extendVideo": {"prompt": "on", "seconds": "4", "video": None},
}


def class_of(endpoint: Endpoint) -> RouteClass | None:
    """Creates of every kind are submits, files are content, all else is a poll."""
    if endpoint.not_yet is not None:
        return None
    if endpoint.body is not None and endpoint.id != "quoteVideo":
        return SUBMIT
    return CONTENT if endpoint.id == "downloadVideo" else POLL


async def spent(stage: Stage) -> dict[str, bytes]:
    """When each bucket of the team will be full, as it stands in the store."""
    found = await stage.client.read(("HGETALL", stage.keys.team(MARKETING)))
    fields = dict(zip(found[::2], found[1::2], strict=True))
    return {
        field.decode().removeprefix("b|"): value
        for field, value in fields.items()
        if field.startswith(b"b|")
    }


@pytest.fixture(params=LimitMode)
def stage(new_stage: StageMaker, request: pytest.FixtureRequest) -> Stage:
    """The team and its key have a bucket for each class."""
    mode: LimitMode = request.param
    team = a_team(limits=LIMITS, limit_mode=mode)
    key = a_key(limits=LIMITS, limit_mode=mode)
    return new_stage(snapshot=fast_snapshot(offers=[DOES_ALL], teams=[team], keys=[key]))


@pytest.mark.parametrize("endpoint", WITH_A_KEY, ids=lambda endpoint: endpoint.id)
async def test_a_route_takes_a_token_of_its_class(stage: Stage, endpoint: Endpoint) -> None:
    job = await stage.made()
    path = endpoint.path.replace("{id}", "kling-3.0" if "/models/" in endpoint.path else job.id)
    body = BODIES.get(endpoint.id)
    if body is not None and "video" in body:
        body = {**body, "video": {"id": job.id}}
    before = await spent(stage)
    headers = {"Authorization": f"Bearer {PRINTED_KEY}"}
    async with (
        serving(stage) as base_url,
        aiohttp.ClientSession(headers=headers) as session,
        session.request(endpoint.method, base_url.removesuffix("/v1") + path, json=body) as answer,
    ):
        assert answer.status in {200, 204} or endpoint.not_yet, await answer.text()
    after = await spent(stage)
    changed = {name for name, value in after.items() if before.get(name) != value}
    wanted = class_of(endpoint)
    own = set() if wanted is None else {wanted.value, f"{wanted.value}:{a_key().id}"}
    assert own == changed
