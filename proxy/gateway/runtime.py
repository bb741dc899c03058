"""Everything a use case may reach, in one frozen value made by the composition root."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.gateway.doubts import Doubts
from proxy.gateway.waits import Waits

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.domain.ids import JobId
    from proxy.gateway.archive import Archive
    from proxy.gateway.balances import BalanceBook
    from proxy.gateway.decisions import Decisions
    from proxy.gateway.health import HealthBook
    from proxy.gateway.live import Live
    from proxy.gateway.openings import Openings
    from proxy.gateway.ports.admission import Accounts, Admission
    from proxy.gateway.ports.artifacts import ArtifactStore, Inputs
    from proxy.gateway.ports.health import KnownConditions
    from proxy.gateway.ports.hints import Hints
    from proxy.gateway.ports.jobs import Jobs, Slots, Work
    from proxy.gateway.ports.letters import Letters
    from proxy.gateway.ports.lines import Lines
    from proxy.gateway.ports.notices import Addresses
    from proxy.gateway.ports.render_times import RenderTimes
    from proxy.gateway.ports.runtime import Clock, Observer
    from proxy.gateway.standby import Standby
    from proxy.gateway.usage import UsageBook
    from proxy.gateway.waiting import Waiters


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The ports, the live configuration, and the injected sources of time and chance.

    `random` is uniform in [0, 1); `random_bytes` makes unguessable ids; `wake` tells the worker of
    this process that there is something to do; `is_traced` says that providers are told the trace.
    `link_to_source` makes a signed link to the video that a job starts from, for the provider that
    fetches it; None where nobody can reach us.
    """

    live: Live
    admission: Admission
    accounts: Accounts
    jobs: Jobs
    work: Work
    lines: Lines
    slots: Slots
    hints: Hints
    artifacts: ArtifactStore
    inputs: Inputs
    clock: Clock
    observer: Observer
    balances: BalanceBook
    usage: UsageBook
    archive: Archive
    openings: Openings
    render_times: RenderTimes
    conditions: KnownConditions
    health: HealthBook
    waiters: Waiters
    standby: Standby
    decisions: Decisions
    letters: Letters
    addresses: Addresses
    random: Callable[[], float]
    random_bytes: Callable[[int], bytes]
    wake: Callable[[], None]
    link_to_source: Callable[[JobId], str | None]
    doubts: Doubts = field(default_factory=Doubts)
    is_traced: bool = False
    waits: Waits = field(default_factory=Waits)
