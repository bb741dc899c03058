"""What a Kling account is configured with."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from proxy.providers.signature import WebhookSecret

BASE_URL = "https://api-singapore.klingai.com"
"""Source: https://kling.ai/document-api (outside China), 2026-09-20."""

# Results are served from shards such as v4-kling.kechuangai.com and s15-kling.klingai.com.
# Source: example answers of https://kling.ai/document-api, 2026-09-20.
RESULT_HOSTS = ("klingai.com", "kling.ai", "kechuangai.com")


class KlingCredentials(BaseModel):
    """Either an API key, or an access key with the secret key that signs its tokens.

    `webhook_secret` signs callbacks; without it they are told by their address alone.
    Source: https://kling.ai/document-api/api/get-started/authentication, 2026-09-20. The vendor
    documents signed tokens for its older API design only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    api_key: SecretStr | None = Field(default=None, min_length=1)
    access_key: SecretStr | None = Field(default=None, min_length=1)
    secret_key: SecretStr | None = Field(default=None, min_length=1)
    webhook_secret: WebhookSecret | None = None

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        pair = (self.access_key, self.secret_key)
        is_pair, is_key = all(pair), self.api_key is not None
        if is_key == is_pair or (is_key and any(pair)):
            message = "needs either api_key, or access_key and secret_key"
            raise ValueError(message)
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must never be shown."""
        values = (self.api_key, self.access_key, self.secret_key, self.webhook_secret)
        return tuple(value.get_secret_value() for value in values if value is not None)
