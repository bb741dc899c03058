"""The simulator's own endpoints below `/_sim`; no vendor has these."""

import asyncio
import hashlib
import json

from aiohttp import web

from proxy.simulator.callbacks import Recipient
from proxy.simulator.directives import BadDirectiveError
from proxy.simulator.fields import BadFieldError, Fields
from proxy.simulator.links import clip_of
from proxy.simulator.tasks import Task
from proxy.simulator.world import World

WITH_WEBHOOKS = ("openai",)
"""The vendors where a webhook is registered once, for all tasks."""


def routes(world: World, vendors: tuple[str, ...]) -> list[web.RouteDef]:
    """Return the control routes of a simulator with these vendors."""
    control = _Control(world, vendors)
    return [
        web.get("/_sim/invoice", control.invoice),
        web.get("/_sim/calls", control.calls),
        web.get("/_sim/clips", control.clips),
        web.post("/_sim/scenarios", control.scenarios),
        web.post("/_sim/webhooks", control.webhooks),
        web.post("/_sim/reset", control.reset),
    ]


class _Control:
    def __init__(self, world: World, vendors: tuple[str, ...]) -> None:
        self._world = world
        self._vendors = vendors

    async def invoice(self, _: web.Request) -> web.Response:
        """Answer what every vendor would charge now, task by task."""
        now_s = self._world.now_s()
        lines = [_invoice_line(task, now_s) for task in self._world.tasks.all()]
        total = sum(task.invoiced_micro_usd(now_s) for task in self._world.tasks.all())
        return web.json_response({"tasks": lines, "total_micro_usd": total})

    async def calls(self, _: web.Request) -> web.Response:
        """Answer every request a vendor received, oldest first."""
        # vars() would follow a new field of Call into the published shape.
        lines = [
            {
                "provider": call.provider,
                "operation": call.operation,
                "task_id": call.task_id,
                "accepted": call.accepted,
                "status": call.status,
                "at": call.at,
                "label": call.label,
                "traceparent": call.traceparent,
                "inputs": call.inputs.sent(),
            }
            for call in self._world.calls.all()
        ]
        return web.json_response({"calls": lines})

    async def clips(self, _: web.Request) -> web.Response:
        """Answer the SHA-256 of every task's file, whether it was fetched or not."""
        lines = [
            {
                "provider": task.order.provider,
                "task_id": task.task_id,
                "sha256": await asyncio.to_thread(_sha256, task),
            }
            for task in self._world.tasks.all()
        ]
        return web.json_response({"clips": lines})

    async def scenarios(self, request: web.Request) -> web.Response:
        """Set one vendor's default directive: `{"provider": ..., "directive": ...}`."""
        try:
            fields = Fields(json.loads(await request.read()), "")
            provider = fields.required_text("provider", allowed=self._vendors)
            directive = fields.required_text("directive")
            fields.done()
            self._world.scenarios.set_default(provider, directive)
        except (BadDirectiveError, BadFieldError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"provider": provider, "directive": directive})

    async def webhooks(self, request: web.Request) -> web.Response:
        """Register where a vendor's events go: `{"provider": "openai", "url", "secret"}`."""
        try:
            fields = Fields(json.loads(await request.read()), "")
            provider = fields.required_text("provider", allowed=WITH_WEBHOOKS)
            url, secret = fields.required_text("url"), fields.text("secret")
            fields.done()
        except (BadFieldError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        self._world.webhooks.pop(provider, None)
        if url:
            self._world.webhooks[provider] = Recipient(url, secret)
        return web.json_response({"provider": provider, "url": url})

    async def reset(self, _: web.Request) -> web.Response:
        """Forget tasks, calls, scenarios and webhooks."""
        self._world.tasks.reset()
        self._world.calls.reset()
        self._world.scenarios.reset()
        self._world.kept.clear()
        self._world.callbacks.reset()
        self._world.webhooks.clear()
        return web.json_response({})


def _sha256(task: Task) -> str:
    digest = hashlib.sha256()
    for piece in clip_of(task).chunks():
        digest.update(piece)
    return digest.hexdigest()


def _invoice_line(task: Task, now_s: float) -> dict[str, object]:
    return {
        "provider": task.order.provider,
        "task_id": task.task_id,
        "external_id": task.order.external_id,
        "model": task.order.model,
        "seconds": task.billed_seconds,
        "status": str(task.phase(now_s)),
        "micro_usd": task.invoiced_micro_usd(now_s),
        "label": task.order.plan.label,
    }
