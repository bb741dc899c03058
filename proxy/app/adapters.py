"""Builds the adapters of every configured account."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

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


def build_adapters(
    server: ServerSettings, sessions: Sessions, clock: Clock, spool_dir: Path
) -> Adapters:
    """Build one adapter for each account that has credentials.

    Raises:
        ValueError: credentials of the right form cannot be used; free of secrets.
    """
    found: dict[tuple[str, str], VideoProvider] = {}
    for name, provider in server.providers.items():
        manifest = PROVIDERS.get(name)
        if manifest is None:
            continue
        settings = _settings(provider, spool_dir)
        for account in provider.accounts:
            if account.credentials is not None:
                adapter = manifest.build(account.credentials, settings, sessions, clock)
                found[name, account.name] = adapter
    return Adapters(MappingProxyType(found))


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
