"""Puts the use cases of administrators together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from proxy.app.orphans import orphan_desk
from proxy.gateway.admin.controls import ControlDesk
from proxy.gateway.admin.jobs import JobDesk
from proxy.gateway.admin.letters import LetterDesk
from proxy.gateway.admin.providers import ProviderDesk
from proxy.gateway.decisions import DecisionDesk
from proxy.gateway.finance.desk import FinanceDesk
from proxy.gateway.proving import telling
from proxy.gateway.restore.desk import RestoreDesk
from proxy.http.admin.services import AdminServices
from proxy.store.controls import RedisControls
from proxy.store.decisions import RedisDecisionLog
from proxy.store.errands import RedisErrands
from proxy.store.keys import Keys
from proxy.store.ledger import RedisLedger
from proxy.store.repairs import RedisRepairs
from proxy.store.search import RedisJobSearch

if TYPE_CHECKING:
    from proxy.app.compose import Parts
    from proxy.domain.proof import Verification


def administration(parts: Parts) -> AdminServices:
    """Everything that the admin API calls."""
    runtime, client, keys = parts.runtime, parts.client, Keys()
    ledger = RedisLedger(client, keys)
    controls = RedisControls(client, keys, ledger)

    async def verify() -> Verification:
        return await runtime.archive.verify(ledger)

    return AdminServices(
        runtime=runtime,
        finance=FinanceDesk(
            runtime.live,
            runtime.accounts,
            balances=runtime.balances,
            history=runtime.archive,
            ledger=ledger,
        ),
        verify=telling(verify, RedisErrands(client, keys), runtime.clock),
        controls=ControlDesk(runtime, ledger, controls),
        providers=ProviderDesk(runtime, ledger, controls),
        jobs=JobDesk(runtime, RedisJobSearch(client, keys)),
        decisions=DecisionDesk(RedisDecisionLog(client, keys), runtime.live),
        orphans=orphan_desk(runtime, client),
        restore=RestoreDesk(runtime, RedisRepairs(client, keys, ledger), ledger, controls),
        letters=LetterDesk(runtime),
        ledger=ledger,
        config=parts.reload,
        random_bytes=os.urandom,
    )
