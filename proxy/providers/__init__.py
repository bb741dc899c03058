"""The explicit table of providers: everything that can be called, and nothing is scanned for."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.providers.kling import PROVIDER as KLING
from proxy.providers.openai import PROVIDER as OPENAI
from proxy.providers.runway import PROVIDER as RUNWAY
from proxy.providers.vertex import PROVIDER as VERTEX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.providers.manifest import ProviderManifest

PROVIDERS: Mapping[str, ProviderManifest] = MappingProxyType(
    {manifest.name: manifest for manifest in (KLING, VERTEX, RUNWAY, OPENAI)}
)
