"""Clip files behind signed, expiring links, as vendors that answer with a URL serve them."""

import hmac
from hashlib import sha256

from aiohttp import web
from yarl import URL

from proxy.simulator.calls import Call
from proxy.simulator.delivery import send
from proxy.simulator.mp4 import Clip, make_clip
from proxy.simulator.tasks import Task
from proxy.simulator.world import World

_REFUSALS = {"404": (404, "NoSuchKey"), "expired": (403, "AccessDenied")}
_GARBAGE = b"<html><body>Bad gateway</body></html>"


def link_to(world: World, origin: URL, task: Task) -> str:
    """Return the task's clip URL at the simulator's `origin`; the same on every call.

    A plan's `url` stands for it.
    """
    life_s = task.order.plan.link_s
    life_s = world.settings.clip_link_ttl_s if life_s is None else life_s
    return _link(world, origin, task, task.ends_at_s + life_s)


def fresh_link_to(world: World, origin: URL, task: Task, life_s: float) -> str:
    """Return a new URL of the task's clip that dies `life_s` (or its plan's `link`) from now."""
    planned_s = task.order.plan.link_s
    life_s = life_s if planned_s is None else planned_s
    return _link(world, origin, task, world.now_s() + life_s)


def _link(world: World, origin: URL, task: Task, expires_at_s: float) -> str:
    if task.order.plan.url is not None:
        return task.order.plan.url
    expires = round(expires_at_s * 1000)
    path = f"/clips/{task.order.provider}/{task.task_id}.mp4"
    query = {"x-expires": str(expires), "x-signature": _signature(world, path, expires)}
    return str(origin.with_path(path).with_query(query))


def clip_of(task: Task) -> Clip:
    """Return the file that the task rendered: no other task's is the same."""
    order = task.order
    return make_clip(
        order.width,
        order.height,
        order.seconds,
        order.plan.clip_bytes,
        mark=task.task_id.encode(),
    )


def routes(world: World) -> list[web.RouteDef]:
    """Return the routes that serve the links."""

    async def get(request: web.Request) -> web.StreamResponse:
        provider, task_id = request.match_info["provider"], request.match_info["task_id"]
        call = world.calls.open(Call(provider, "download", at=world.now_s(), task_id=task_id))
        response = await _serve(request, world, world.tasks.get(provider, task_id))
        call.status = response.status
        return response

    return [web.get("/clips/{provider}/{task_id}.mp4", get)]


async def _serve(request: web.Request, world: World, task: Task | None) -> web.StreamResponse:
    if task is None or task.is_deleted:
        return _refusal(404, "NoSuchKey")
    if not _is_valid(request, world):
        return _refusal(403, "AccessDenied")
    plan = task.order.plan
    fault = world.scenarios.next_download(task.order.provider, task.task_id, plan)
    if fault in _REFUSALS:
        return _refusal(*_REFUSALS[fault])
    return await send_clip(request, world, task, fault)


async def send_clip(
    request: web.Request, world: World, task: Task, fault: str
) -> web.StreamResponse:
    """Send the task's clip, whole or the asked range, as `fault` says, or lead elsewhere."""
    elsewhere = task.order.plan.redirect
    if elsewhere is not None:
        return web.Response(status=302, headers={"Location": elsewhere})
    if fault == "garbage":
        return web.Response(body=_GARBAGE, content_type="video/mp4")
    clip = clip_of(task)
    try:
        part = request.http_range
        start, stop, _ = part.indices(clip.size_bytes)
    except ValueError:
        start, stop, part = 0, 0, slice(1, None)
    if start >= stop:
        headers = {"Content-Range": f"bytes */{clip.size_bytes}"}
        return web.Response(status=416, headers=headers)
    headers = {"Content-Type": "video/mp4", "Accept-Ranges": "bytes"}
    partial = part.start is not None or part.stop is not None
    if partial:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{clip.size_bytes}"
    return await send(
        request,
        world,
        headers,
        status=206 if partial else 200,
        size_bytes=stop - start,
        pieces=clip.chunks(start, stop),
        fault=fault,
    )


def _is_valid(request: web.Request, world: World) -> bool:
    expires = request.query.get("x-expires", "")
    if not (expires.isascii() and expires.isdigit()):
        return False
    given = request.query.get("x-signature", "")
    wanted = _signature(world, request.path, int(expires))
    is_signed = hmac.compare_digest(given.encode(), wanted.encode())
    return is_signed and world.now_s() * 1000 < int(expires)


def _signature(world: World, path: str, expires: int) -> str:
    return hmac.new(world.link_key, f"{path}:{expires}".encode(), sha256).hexdigest()


def _refusal(status: int, code: str) -> web.Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code></Error>'
    return web.Response(status=status, text=text, content_type="application/xml")
