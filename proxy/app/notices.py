"""The chores that tell receivers outside what nobody asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.gateway.alerts import Alerts, Troubles
from proxy.gateway.deliveries import Deliveries
from proxy.outgoing.webhooks import Hook, WebhookSender
from proxy.store.archive import RedisLedgerStream
from proxy.store.keys import Keys
from proxy.store.notices import RedisBulletin
from proxy.store.outbox import RedisOutbox

if TYPE_CHECKING:
    from proxy.app.chores import Chore
    from proxy.app.options import Role
    from proxy.config.settings import ServerSettings
    from proxy.gateway.ports.runtime import Clock
    from proxy.gateway.runtime import Runtime
    from proxy.outgoing.session import Sessions
    from proxy.store.client import Client


class Notices:
    """What this process tells to others: the receivers in force, and the chores that tell.

    `troubles` is an observer.
    """

    def __init__(self, sessions: Sessions, clock: Clock, server: ServerSettings) -> None:
        self.troubles = Troubles()
        self._sender = WebhookSender(sessions, clock, _hooks(server))

    def use(self, server: ServerSettings) -> None:
        """Tell the receivers of another configuration from now on."""
        self._sender.use(_hooks(server))

    def chores(self, runtime: Runtime, client: Client, role: Role) -> dict[str, Chore]:
        """Look for what is to be told, and send it; only processes that work do."""
        if not role.works:
            return {}
        keys = Keys()
        alerts = Alerts(
            runtime,
            RedisBulletin(client, keys),
            stream=RedisLedgerStream(client, keys),
            sender=self._sender,
            troubles=self.troubles,
        )
        deliveries = Deliveries(runtime, RedisOutbox(client, keys), self._sender)
        return {"alerts": alerts.watch, "notices": deliveries.watch}


def _hooks(server: ServerSettings) -> tuple[Hook, ...]:
    return tuple(
        Hook(
            kinds=frozenset(notify.kinds),
            url=notify.url.get_secret_value(),
            secrets=tuple(secret.get_secret_value() for secret in notify.secrets),
            is_private=notify.is_private,
        )
        for notify in server.notify
    )
