"""What an account at OpenAI, or at a compatible server, is configured with."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from proxy.providers.signature import WebhookSecret

BASE_URL = "https://api.openai.com/v1"
"""OpenAI's own Videos API was switched off on 2026-09-24; compatible servers have another URL.

Source: https://developers.openai.com/api/docs/guides/video-generation, 2026-11-22.
"""

_HeaderText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]


class OpenAICredentials(BaseModel):
    """An API key, and optionally the organization and project it is used for.

    `webhook_secret` is that of a webhook endpoint registered there; without it no callback is
    listened to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    api_key: Annotated[SecretStr, Field(min_length=1)]
    organization: _HeaderText | None = None
    project: _HeaderText | None = None
    webhook_secret: WebhookSecret | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must never be shown."""
        values = (self.api_key, self.webhook_secret)
        return tuple(value.get_secret_value() for value in values if value is not None)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that open the account."""
        headers = {"Authorization": f"Bearer {self.api_key.get_secret_value()}"}
        if self.organization is not None:
            headers["OpenAI-Organization"] = self.organization
        if self.project is not None:
            headers["OpenAI-Project"] = self.project
        return headers
