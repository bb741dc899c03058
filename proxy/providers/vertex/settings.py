"""What a Vertex AI account is configured with."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

BASE_URL = "https://{location}-aiplatform.googleapis.com"
_GLOBAL_URL = "https://aiplatform.googleapis.com"
_MULTI_REGION_URL = "https://aiplatform.{location}.rep.googleapis.com"
# Source: https://docs.cloud.google.com/storage/docs/buckets (names), 2026-11-22.
_STORAGE_URI = r"^gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/[!-.0-~]+)*/?$"
_HTTP_URL = r"^https?://[!-~]+$"
_NEEDED = ("client_email", "private_key", "token_uri")

STORAGE_URL = "https://storage.googleapis.com"
"""Source: https://docs.cloud.google.com/storage/docs/request-endpoints, 2026-11-22."""

_PathPart = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._-]{0,127}$")]


class VertexCredentials(BaseModel):
    """A project, a location, and the JSON text of a service account's key file.

    With `storage_uri` (`gs://bucket/prefix`) Veo writes its videos there, and the same service
    account reads them; without it they come inside the answer. `storage_base_url` replaces
    Google's own storage address.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    project: _PathPart
    # Veo 3.1 is served there only.
    # Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/models/veo/3-1-generate,
    # 2026-11-22.
    location: _PathPart = "us-central1"
    service_account: SecretStr
    storage_uri: Annotated[str, Field(pattern=_STORAGE_URI)] | None = None
    storage_base_url: Annotated[str, Field(pattern=_HTTP_URL)] = STORAGE_URL

    @field_validator("service_account")
    @classmethod
    def _is_key_file(cls, value: SecretStr) -> SecretStr:
        try:
            content = json.loads(value.get_secret_value())
        except (ValueError, RecursionError):
            content = {}
        if not content or not isinstance(content, dict):
            # Raised outside of the handler: the parser's error quotes the key.
            message = "must be the JSON text of a service account's key file"
            raise ValueError(message)
        missing = [name for name in _NEEDED if not isinstance(content.get(name), str)]
        if missing:
            message = f"the service account's key file lacks {', '.join(missing)}"
            raise ValueError(message)
        return value

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must never be shown."""
        content = json.loads(self.service_account.get_secret_value())
        return (content["private_key"], str(content.get("private_key_id", "")))


def default_base_url(location: str) -> str:
    """Return Google's host for a location.

    Source: https://docs.cloud.google.com/vertex-ai/docs/reference/rest (service endpoints),
    2026-11-22.
    """
    if location == "global":
        return _GLOBAL_URL
    url = _MULTI_REGION_URL if location in {"us", "eu"} else BASE_URL
    return url.format(location=location)
