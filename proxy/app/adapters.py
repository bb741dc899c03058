"""Builds the adapters of every configured account."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.gateway.callbacks import callback_path
from proxy.providers import PROVIDERS
from proxy.providers.manifest import ProviderSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from proxy.config.settings import ProviderSettings as ConfiguredProvider
    from proxy.config.settings import ServerSettings
    from proxy.domain.ids import ProviderName
    from proxy.gateway.ports.provider import VideoProvider
    from proxy.gateway.ports.runtime import Clock
    from proxy.outgoing.session import Sessions


class Adapters:
    """The live adapters by provider and account."""

    def __init__(self, adapters: Mapping[tuple[str, str], VideoProvider]) -> None:
        self._adapters = adapters

    def get(self, provider: ProviderName, account: str) -> VideoProvider | None:
        """The adapter of an account, None when that account is not configured."""
        return self._adapters.get((provider, account))


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterBuilder:
    """What all adapters share; `secret` makes the addresses of their callbacks."""

    sessions: Sessions
    clock: Clock
    spool_dir: Path
    secret: bytes

    def build(self, server: ServerSettings) -> Adapters:
        """Build one adapter for each account that has credentials.

        Raises:
            ValueError: credentials of the right form cannot be used; free of secrets.
        """
        found: dict[tuple[str, str], VideoProvider] = {}
        for name, provider in server.providers.items():
            manifest = PROVIDERS.get(name)
            if manifest is None:
                continue
            settings = _settings(provider, self.spool_dir)
            for account in provider.accounts:
                if account.credentials is not None:
                    url = callback_url(server, self.secret, name, account.name)
                    found[name, account.name] = manifest.build(
                        account.credentials,
                        replace(settings, callback_url=url),
                        self.sessions,
                        self.clock,
                    )
        return Adapters(MappingProxyType(found))


def callback_url(server: ServerSettings, secret: bytes, provider: str, account: str) -> str | None:
    """Where an account's callbacks go; None when nothing says how this server is reached."""
    base_url = server.callbacks_url
    return None if base_url is None else base_url + callback_path(secret, provider, account)


def _settings(provider: ConfiguredProvider, spool_dir: Path) -> ProviderSettings:
    times = provider.timeouts
    return ProviderSettings(
        base_url=provider.base_url,
        output_hosts=provider.output_hosts,
        connect_s=times.connect_s,
        submit_s=times.submit_s,
        status_s=times.status_s,
        download_s=times.download_s,
        spool_dir=spool_dir,
    )
