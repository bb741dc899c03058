"""Words to the simulated vendors: what they shall do, and where they call back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from proxy.app.link_secret import FILE_NAME
from proxy.gateway.callbacks import callback_path
from tests.system.deployment import WEBHOOK_SECRET

if TYPE_CHECKING:
    from tests.system.deployment import Deployment

OPENAI = "openai"


async def tell(deployment: Deployment, what: str, body: object) -> None:
    """POST /_sim/<what>."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{deployment.simulator_url}/_sim/{what}", json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def register_webhook(deployment: Deployment) -> None:
    """Tell the simulated OpenAI where the deployment wants its events."""
    secret = (deployment.folder / "var" / FILE_NAME).read_bytes()
    url = f"{deployment.callbacks_url}{callback_path(secret, OPENAI, 'main')}"
    webhook = {"provider": OPENAI, "url": url, "secret": WEBHOOK_SECRET}
    await tell(deployment, "webhooks", webhook)
