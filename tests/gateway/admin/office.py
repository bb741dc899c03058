"""The admin API of one stage, with a token for each role."""

from __future__ import annotations

import hashlib
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp.test_utils import TestClient, TestServer

from proxy.domain.policy import AdminToken
from proxy.gateway.admin.controls import ControlDesk
from proxy.gateway.admin.jobs import JobDesk
from proxy.gateway.admin.letters import LetterDesk
from proxy.gateway.admin.limit import spend
from proxy.gateway.admin.providers import ProviderDesk
from proxy.gateway.decisions import DecisionDesk
from proxy.gateway.finance.desk import FinanceDesk
from proxy.gateway.orphans import OrphanDesk
from proxy.gateway.restore.desk import RestoreDesk
from proxy.http.admin.endpoints import PREFIX, Role
from proxy.http.admin.routes import admin_routes
from proxy.http.admin.services import AdminServices, ConfigState
from proxy.http.apps import admin_app
from proxy.store.controls import RedisControls
from proxy.store.decisions import RedisDecisionLog
from proxy.store.ledger import RedisLedger
from proxy.store.repairs import RedisRepairs
from proxy.store.search import RedisJobSearch
from tests.fakes import RecordingObserver
from tests.http.fakes import StillClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from proxy.domain.policy import Snapshot
    from proxy.domain.proof import Verification
    from tests.gateway.harness import Stage
    from tests.http.conftest import Client

REASON = "because I say so"
LOADED_MS = 1_795_000_000_000
IDS = {Role.VIEWER: "view2345", Role.FINANCE: "fina2345", Role.OPERATOR: "oper2345"}
TOKENS = {role: f"gla_{token_id}_{'t' * 43}" for role, token_id in IDS.items()}


def with_tokens(snapshot: Snapshot) -> Snapshot:
    """A configuration with a token for each role."""
    tokens = {
        IDS[role]: AdminToken(
            id=IDS[role],
            name=f"{role}1",
            role=role,
            sha256=hashlib.sha256(TOKENS[role].encode()).hexdigest(),
        )
        for role in Role
    }
    return replace(snapshot, admin_tokens=tokens)


class FakeConfig:
    """Configuration files that are taken, or not."""

    def __init__(self) -> None:
        self.is_good = True
        self.current = ConfigState(process=7, digest="d1", loaded_ms=LOADED_MS, warnings=("w",))

    def state(self) -> ConfigState:
        """How it stands."""
        return self.current

    async def run(self) -> bool:
        """Read it again."""
        if self.is_good:
            self.current = replace(self.current, digest="d2")
        else:
            self.current = replace(self.current, problems=("p",), refused_ms=LOADED_MS + 1)
        return self.is_good


class Office:
    """Persons who ask the admin API. `failures` are raised by proofs of the ledger."""

    def __init__(
        self,
        stage: Stage,
        client: Client,
        *,
        config: FakeConfig,
        desk: ControlDesk,
        failures: list[Exception],
    ) -> None:
        self.stage = stage
        self.client = client
        self.config = config
        self.desk = desk
        self.failures = failures

    async def ask(
        self,
        role: Role,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        key: str | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Status and body of one request."""
        headers = {"Authorization": f"Bearer {TOKENS[role]}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        asked = self.client.request(method, PREFIX + path, json=body, headers=headers)
        async with asked as answer:
            return answer.status, await answer.json()

    async def get(self, path: str) -> dict[str, Any]:
        """What a viewer is answered; anything but 200 fails the test."""
        status, body = await self.ask(Role.VIEWER, "GET", path)
        assert 200 == status, body
        return body

    async def change(
        self, role: Role, path: str, *, key: str | None = None, **fields: object
    ) -> dict[str, Any]:
        """Make a change with a reason; anything but 200 fails the test."""
        status, body = await self.ask(role, "POST", path, {"reason": REASON, **fields}, key=key)
        assert 200 == status, body
        return body

    async def refused(
        self, role: Role, path: str, *, key: str | None = None, **fields: object
    ) -> tuple[int, str, str | None]:
        """Status, code and param of a change that is refused."""
        status, body = await self.ask(role, "POST", path, {"reason": REASON, **fields}, key=key)
        error = body["error"]
        return status, error["code"], error["param"]

    async def audited(self) -> list[tuple[str, str, str, str]]:
        """Action, target, before and after of every change, oldest first."""
        data = (await self.get("/audit"))["data"]
        names = ("action", "target", "before", "after")
        return [tuple(each[name] for name in names) for each in reversed(data)]


@asynccontextmanager
async def opened(stage: Stage) -> AsyncIterator[Office]:
    """Serve the admin API of a stage."""
    stage.runtime.live.replace(
        replace(stage.runtime.live.current, snapshot=with_tokens(stage.snapshot))
    )
    runtime, config = stage.runtime, FakeConfig()
    ledger = RedisLedger(stage.client, stage.keys)
    repairs = RedisRepairs(stage.client, stage.keys, ledger)
    controls = RedisControls(stage.client, stage.keys, ledger)
    failures: list[Exception] = []

    async def verify() -> Verification:
        if failures:
            raise failures.pop()
        return await runtime.archive.verify(ledger)

    services = AdminServices(
        runtime=runtime,
        finance=FinanceDesk(
            runtime.live,
            runtime.accounts,
            balances=runtime.balances,
            history=runtime.archive,
            ledger=ledger,
        ),
        verify=verify,
        controls=ControlDesk(runtime, ledger, controls),
        providers=ProviderDesk(runtime, ledger, controls),
        jobs=JobDesk(runtime, RedisJobSearch(stage.client, stage.keys)),
        decisions=DecisionDesk(RedisDecisionLog(stage.client, stage.keys), runtime.live),
        orphans=OrphanDesk(runtime, ledger, repairs.unfinished),
        restore=RestoreDesk(runtime, repairs, ledger, controls),
        letters=LetterDesk(stage.runtime),
        ledger=ledger,
        config=config,
        random_bytes=os.urandom,
    )
    app = admin_app(
        table=admin_routes(services),
        snapshot=lambda: stage.snapshot,
        spend=partial(spend, runtime),
        readiness=_readiness,
        metrics=_metrics,
        clock=StillClock(),
        observer=RecordingObserver(),
        random_bytes=os.urandom,
    )
    async with TestClient(TestServer(app)) as client:
        yield Office(stage, client, config=config, desk=services.controls, failures=failures)


async def _readiness() -> Sequence[str]:
    return ()


async def _metrics() -> tuple[bytes, str]:
    return b"", "text/plain"
