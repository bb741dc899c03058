"""What a Runway account is configured with."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

BASE_URL = "https://api.dev.runwayml.com"
"""Without `/v1`, as the vendor's SDK has it. Source: runwayml 5.24.0, 2026-10-23."""

# Results are served from dnznrvs05pmza.cloudfront.net today; a distribution's name may change.
# Source: https://docs.dev.runwayml.com/assets/outputs, 2026-11-22.
RESULT_HOSTS = ("cloudfront.net", "runwayml.com")


class RunwayCredentials(BaseModel):
    """The secret of one Runway project."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    api_secret: Annotated[SecretStr, Field(min_length=1)]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must never be shown."""
        return (self.api_secret.get_secret_value(),)
