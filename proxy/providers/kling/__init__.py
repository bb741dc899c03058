"""Kling's own API, new design."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.source import Verb, Way
from proxy.providers.kling.settings import BASE_URL, KlingCredentials
from proxy.providers.manifest import CallbackUse, ProviderManifest

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
    from proxy.providers.kling.adapter import build  # noqa: PLC0415

    return build(credentials, settings, sessions, clock)


PROVIDER = ProviderManifest(
    name="kling",
    credentials_model=KlingCredentials,
    default_base_url=BASE_URL,
    build=_build,
    callbacks=CallbackUse.PER_SUBMIT,
    verbs={Verb.EDIT: (Way.LINK,)},
)
