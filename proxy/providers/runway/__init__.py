"""Runway's API: its own models, and those it resells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.source import Verb, Way
from proxy.providers.manifest import ProviderManifest
from proxy.providers.runway.settings import BASE_URL, RunwayCredentials

if TYPE_CHECKING:
    from pydantic import BaseModel

    from proxy.gateway.ports.provider import VideoProvider
    from proxy.gateway.ports.runtime import Clock
    from proxy.outgoing.session import Sessions
    from proxy.providers.manifest import ProviderSettings


def _build(
    credentials: BaseModel, settings: ProviderSettings, sessions: Sessions, clock: Clock
) -> VideoProvider:
    # Imported when an account is built: reading a configuration needs no HTTP client.
    from proxy.providers.runway.adapter import build  # noqa: PLC0415

    return build(credentials, settings, sessions, clock)


PROVIDER = ProviderManifest(
    name="runway",
    credentials_model=RunwayCredentials,
    default_base_url=BASE_URL,
    build=_build,
    verbs={Verb.EDIT: (Way.BYTES, Way.LINK)},
)
