"""Puts the look for orphans together: the use case, and the chore of processes that work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.gateway.orphan_watch import OrphanWatch
from proxy.gateway.orphans import OrphanDesk
from proxy.store.keys import Keys
from proxy.store.ledger import RedisLedger
from proxy.store.looks import RedisLooks
from proxy.store.repairs import RedisRepairs

if TYPE_CHECKING:
    from proxy.app.chores import Chore
    from proxy.app.options import Role
    from proxy.gateway.runtime import Runtime
    from proxy.store.client import Client


def orphan_desk(runtime: Runtime, client: Client) -> OrphanDesk:
    """The use case over Redis."""
    ledger = RedisLedger(client, Keys())
    return OrphanDesk(runtime, ledger, RedisRepairs(client, Keys(), ledger).unfinished)


def orphan_chores(runtime: Runtime, client: Client, role: Role) -> dict[str, Chore]:
    """Look now and then; only processes that work do."""
    if not role.works:
        return {}
    watch = OrphanWatch(runtime, orphan_desk(runtime, client), RedisLooks(client, Keys()))
    return {"orphans": watch.watch}
