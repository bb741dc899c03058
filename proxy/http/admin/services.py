"""What the admin API calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.domain.proof import Verification
    from proxy.gateway.admin.controls import ControlDesk
    from proxy.gateway.admin.jobs import JobDesk
    from proxy.gateway.admin.letters import LetterDesk
    from proxy.gateway.admin.providers import ProviderDesk
    from proxy.gateway.decisions import DecisionDesk
    from proxy.gateway.finance.desk import FinanceDesk
    from proxy.gateway.orphans import OrphanDesk
    from proxy.gateway.ports.ledger import Ledger
    from proxy.gateway.restore.desk import RestoreDesk
    from proxy.gateway.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigState:
    """The configuration that one process has in force. Instants in Unix ms of its own clock.

    `warnings` are of the configuration in force, `problems` what is wrong with an edit that was
    refused at `refused_ms` (None: the last one was taken).
    """

    process: int
    digest: str
    loaded_ms: int
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    refused_ms: int | None = None


class Config(Protocol):
    """The configuration of this process."""

    def state(self) -> ConfigState:
        """How it stands."""

    async def run(self) -> bool:
        """Read it again; says whether that took effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminServices:
    """The use cases of administrators. `verify` proves the ledger with all that was archived."""

    runtime: Runtime
    finance: FinanceDesk
    verify: Callable[[], Awaitable[Verification]]
    controls: ControlDesk
    providers: ProviderDesk
    jobs: JobDesk
    decisions: DecisionDesk
    orphans: OrphanDesk
    restore: RestoreDesk
    letters: LetterDesk
    ledger: Ledger
    config: Config
    random_bytes: Callable[[int], bytes]
