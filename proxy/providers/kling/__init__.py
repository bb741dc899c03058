"""Kling's own API, new design."""

from proxy.providers.kling.adapter import build
from proxy.providers.kling.settings import BASE_URL, KlingCredentials
from proxy.providers.manifest import ProviderManifest

PROVIDER = ProviderManifest(
    name="kling",
    credentials_model=KlingCredentials,
    default_base_url=BASE_URL,
    build=build,
)
