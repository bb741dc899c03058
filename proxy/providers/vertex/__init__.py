"""Google Veo on Vertex AI."""

from proxy.providers.manifest import ProviderManifest
from proxy.providers.vertex.adapter import build
from proxy.providers.vertex.settings import BASE_URL, VertexCredentials

PROVIDER = ProviderManifest(
    name="vertex",
    credentials_model=VertexCredentials,
    default_base_url=BASE_URL,
    build=build,
)
