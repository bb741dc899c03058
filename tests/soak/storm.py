"""A fleet in bad weather: a vendor dies for a while, another is drained, files are edited."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typing_extensions import override
from yarl import URL

from proxy.domain.ids import ProviderName
from proxy.gateway.ports.ledger import Mandate
from proxy.simulator.settings import wall_clock_s
from proxy.store.address import Address
from proxy.store.changes import RedisChanges
from proxy.store.client import Client
from proxy.store.keys import Keys
from tests.soak.crowd import PROVIDERS
from tests.soak.mishaps import passes
from tests.system.deployment import FAST_ENGINE, Deployment

if TYPE_CHECKING:
    from tests.soak.crowd import Crowd
    from tests.soak.gate import Gate

DEAD, DRAINED = ProviderName("runway"), ProviderName("openai")
DIES_AT, LIVES_AT, DRAINED_AT, RESUMED_AT = 0.1, 0.35, 0.45, 0.8
"""After which shares of all creates."""
EDIT_EVERY_S = 20.0
LOOK_EVERY_S = 0.2


@dataclass
class StormyDeployment(Deployment):
    """Four vendors, one of them behind a gate; patience is short, breakers forget soon."""

    engine: dict[str, Any] = field(
        default_factory=lambda: {**FAST_ENGINE, "concurrency": 128, "account_concurrency": 48}
    )
    timeouts: dict[str, str] = field(
        default_factory=lambda: {
            "connect": "1s",
            "submit": "3s",
            "status": "2500ms",
            "download": "5s",
        }
    )
    unknown: dict[str, Any] = field(
        default_factory=lambda: {"look_up_after": ["1s", "3s", "6s"], "then": "assume_charged"}
    )
    breaker: dict[str, Any] = field(
        default_factory=lambda: {"open_min": "2s", "open_max": "8s", "window": "10s"}
    )
    give_up_after: str = "20s"
    slots: int = 400
    providers: tuple[str, ...] = PROVIDERS
    is_sora_alive: bool = True
    are_callbacks_signed: bool = True
    gate_port: int = 0

    @override
    def _config(self) -> dict[str, Any]:
        config = super()._config()
        config["artifacts"]["max_bytes"] = "2MB"
        return config

    @override
    def _providers(self) -> dict[str, Any]:
        providers = super()._providers()
        url = URL(providers[DEAD]["base_url"]).with_port(self.gate_port)
        providers[DEAD]["base_url"] = str(url)
        return providers

    async def edit_now_and_then(self, over: asyncio.Event) -> int:
        """Raise the team's budget by a dollar now and then, in one step; returns how often.

        A model that a vendor says is gone is asked for again after each edit.
        """
        team = self.folder / "policies" / "teams" / "marketing.yaml"
        fresh = self.folder / "marketing.yaml"
        for edits in itertools.count():
            if await passes(over, EDIT_EVERY_S):
                return edits
            self.team["budgets"][0]["limit"] = f"${1_000_001 + edits}"
            fresh.write_text(json.dumps(self._team(), indent=1))
            fresh.replace(team)
        raise AssertionError


@dataclass
class Storm:
    """What befalls two vendors, by how much of the crowd's work is done.

    Attributes:
        crowd: how far the creates are.
        gate: what stands before the vendor that dies.
        store: the store's own address.
        lived_s: when the dead one answered again.
        drained_s: from when until when nothing new went to the drained one; s since 1970.
    """

    crowd: Crowd
    gate: Gate
    store: Address
    lived_s: float = 0.0
    drained_s: tuple[float, float] = (0.0, 0.0)

    async def blow(self, over: asyncio.Event) -> int:
        """Have it happen; returns how many things did."""
        await self._created(DIES_AT, over)
        self.gate.shut()
        await self._created(LIVES_AT, over)
        await self.gate.open()
        self.lived_s = wall_clock_s()
        await self._created(DRAINED_AT, over)
        await self._switch("drain")
        began_s = wall_clock_s()
        await self._created(RESUMED_AT, over)
        self.drained_s = (began_s, wall_clock_s())
        await self._switch("resume")
        return 2

    async def _created(self, share: float, over: asyncio.Event) -> None:
        while self.crowd.created < share * len(self.crowd.bodies):
            if await passes(over, LOOK_EVERY_S):
                return

    async def _switch(self, what: str) -> None:
        client = Client(self.store)
        try:
            changes = RedisChanges(client, Keys())
            change = changes.drain if what == "drain" else changes.resume
            mandate = Mandate(operation=what, actor="soak", role="operator", reason="a storm")
            assert await change(mandate, provider=DRAINED)
        finally:
            await client.close()
