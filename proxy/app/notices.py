"""The chores that tell receivers outside, and where these are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.gateway.alerts import Alerts, Troubles
from proxy.gateway.deliveries import Deliveries
from proxy.outgoing.webhooks import Directory, Hook, WebhookSender
from proxy.store.archive import RedisLedgerStream
from proxy.store.keys import Keys
from proxy.store.notices import RedisBulletin
from proxy.store.outbox import RedisOutbox

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import SecretStr

    from proxy.app.chores import Chore
    from proxy.app.options import Role
    from proxy.config.settings import ServerSettings
    from proxy.gateway.ports.notices import Addresses
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
        self._sender = WebhookSender(sessions, clock, _directory(server))

    def use(self, server: ServerSettings) -> None:
        """Tell the receivers of another configuration from now on."""
        self._sender.use(_directory(server))

    @property
    def addresses(self) -> Addresses:
        """Where messages may be sent."""
        return self._sender

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


def _directory(server: ServerSettings) -> Directory:
    origins = server.webhook_origins
    finance = (
        Hook(
            kinds=frozenset(notify.kinds),
            url=notify.url.get_secret_value(),
            secrets=_texts(notify.secrets),
            is_private=notify.is_private,
        )
        for notify in server.notify
    )
    teams = (
        Hook(
            url=webhook.url.get_secret_value(),
            secrets=_texts(webhook.secrets),
            events=frozenset(webhook.events),
            team=team,
            origins=origins,
        )
        for team, hooks in server.team_hooks.items()
        for webhook in hooks.webhooks
    )
    return Directory(
        hooks=(*finance, *teams),
        secrets={
            team: _texts(hooks.url_secrets)
            for team, hooks in server.team_hooks.items()
            if hooks.url_secrets
        },
        origins=origins,
    )


def _texts(secrets: Iterable[SecretStr]) -> tuple[str, ...]:
    return tuple(secret.get_secret_value() for secret in secrets)
