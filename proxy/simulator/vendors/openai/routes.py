"""The Videos API's endpoints: create in four ways, look, list, fetch, delete; characters."""

import hmac
from collections.abc import Callable
from importlib import resources

from aiohttp import web
from aiohttp.typedefs import Handler

from proxy.simulator.directives import BadDirectiveError
from proxy.simulator.fields import BadFieldError
from proxy.simulator.links import send_clip
from proxy.simulator.settings import OpenAIAccount
from proxy.simulator.tasks import UNFINISHED, Order, Phase, Task
from proxy.simulator.vendor import (
    Vendor,
    garbage,
    lose_answer,
    read_fault,
    recorder,
    refuse_submit,
)
from proxy.simulator.vendors.openai import limits
from proxy.simulator.vendors.openai.catalog import frame_size
from proxy.simulator.vendors.openai.errors import (
    NOT_FOUND,
    UNAUTHORIZED,
    OpenAIError,
    check_plan,
    fault_error,
    invalid,
)
from proxy.simulator.vendors.openai.forms import read_form
from proxy.simulator.vendors.openai.requests import (
    Create,
    read_character,
    read_create,
    read_edit,
    read_extension,
    read_remix,
)
from proxy.simulator.vendors.openai.videos import (
    ended_event,
    expires_at_s,
    page_of,
    read_page,
    view,
)
from proxy.simulator.world import CALL, World

NAME = "openai"
_VARIANTS = {
    "thumbnail": ("thumbnail.webp", "image/webp"),
    "spritesheet": ("spritesheet.jpg", "image/jpeg"),
}
_POLL_AFTER_MS_MIN, _POLL_AFTER_MS_MAX = 50, 10_000


def build(world: World) -> web.Application:
    """Return the Videos API as an application to be mounted below `/openai`."""
    app = web.Application(middlewares=[recorder(NAME, world), _errors])
    api, videos = _Api(world), "/v1/videos"
    app.router.add_post(f"{videos}/characters", api.create_character)
    app.router.add_get(f"{videos}/characters/{{id}}", api.character, allow_head=False)
    app.router.add_post(f"{videos}/edits", api.edit)
    app.router.add_post(f"{videos}/extensions", api.extend)
    app.router.add_post(videos, api.create)
    app.router.add_get(videos, api.list, allow_head=False)
    app.router.add_get(f"{videos}/{{id}}", api.retrieve, allow_head=False)
    app.router.add_delete(f"{videos}/{{id}}", api.delete)
    app.router.add_get(f"{videos}/{{id}}/content", api.content)
    app.router.add_post(f"{videos}/{{id}}/remix", api.remix)

    async def sign(_: web.Request, response: web.StreamResponse) -> None:
        response.headers["x-request-id"] = f"req_{world.new_uuid().hex}"

    app.on_response_prepare.append(sign)
    return app


VENDOR = Vendor(NAME, build)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except OpenAIError as error:
        return error.response()
    except (BadFieldError, BadDirectiveError) as error:
        return invalid(error).response()
    except web.HTTPNotFound:
        message = f"Invalid URL ({request.method} {request.path})"
        return OpenAIError(404, message).response()
    except web.HTTPMethodNotAllowed:
        message = f"Not allowed to {request.method} on {request.path}."
        return OpenAIError(405, message, code="method_not_supported").response()
    except web.HTTPRequestEntityTooLarge:
        return OpenAIError(413, "The request body is too large.").response()


class _Api:
    """The handlers; each opens with the name its call gets in the log."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def create(self, request: web.Request) -> web.StreamResponse:
        account = self._open(request, "submit")
        create = read_create(await read_form(request), self._knows_character)
        return await self._submit(request, account, create)

    async def remix(self, request: web.Request) -> web.StreamResponse:
        account = self._open(request, "submit")
        source = self._completed(account)(request.match_info["id"])
        create = read_remix(await read_form(request), source)
        return await self._submit(request, account, create)

    async def edit(self, request: web.Request) -> web.StreamResponse:
        account = self._open(request, "submit")
        create = read_edit(await read_form(request), self._completed(account))
        return await self._submit(request, account, create)

    async def extend(self, request: web.Request) -> web.StreamResponse:
        account = self._open(request, "submit")
        create = read_extension(await read_form(request), self._completed(account))
        return await self._submit(request, account, create)

    async def retrieve(self, request: web.Request) -> web.StreamResponse:
        world = self._world
        account = self._open(request, "status")
        task_id = request[CALL].task_id = request.match_info["id"]
        task = self._lookup(account, task_id)
        plans = {task_id: task.order.plan} if task else {}
        fault = world.scenarios.next_read(NAME, plans, is_find=False)
        broken = await read_fault(request, world, fault, fault_error)
        if broken is not None:
            return broken
        task = self._shown(account, task_id)
        phase = task.phase(world.now_s())
        if task.order.plan.outcome == "garbage" and phase is Phase.SUCCEEDED:
            return garbage()
        headers = {}
        if phase in UNFINISHED:
            after_ms = round(task.render_s * 1000 / 4)
            after_ms = min(_POLL_AFTER_MS_MAX, max(_POLL_AFTER_MS_MIN, after_ms))
            headers["openai-poll-after-ms"] = str(after_ms)
        return web.json_response(view(world, task), headers=headers)

    async def list(self, request: web.Request) -> web.StreamResponse:
        account = self._open(request, "list")
        page = read_page(request)
        shown = [
            task
            for task in self._world.tasks.all()
            if self._lookup(account, task.task_id) and not self._has_vanished(task)
        ]
        return web.json_response(page_of(self._world, shown, page))

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Remove a completed or failed video; there is no cancel."""
        account = self._open(request, "delete")
        task_id = request[CALL].task_id = request.match_info["id"]
        task = self._shown(account, task_id)
        if task.phase(self._world.now_s()) in UNFINISHED:
            # Not documented: what is answered to deleting a video in progress.
            message = "Only completed or failed videos can be deleted."
            raise OpenAIError(400, message, param="video_id")
        self._world.tasks.delete(task)
        return web.json_response({"id": task_id, "object": "video.deleted", "deleted": True})

    async def content(self, request: web.Request) -> web.StreamResponse:
        world = self._world
        account = self._open(request, "download")
        task_id = request[CALL].task_id = request.match_info["id"]
        variant = request.query.get("variant", "video")
        if variant != "video" and variant not in _VARIANTS:
            problem = f"only video, {', '.join(_VARIANTS)} are supported"
            raise BadFieldError(path="variant", problem=problem)
        task = self._shown(account, task_id)
        if task.phase(world.now_s()) is not Phase.SUCCEEDED:
            # Source: https://github.com/BerriAI/litellm/pull/32602, 2026-07-09 (404, live).
            message = "Video is not ready yet, use GET /v1/videos/{video_id} to check status."
            raise OpenAIError(404, message)
        fault = world.scenarios.next_download(NAME, task_id, task.order.plan)
        if fault == NOT_FOUND:
            raise fault_error(NOT_FOUND)
        if fault == "expired" or world.now_s() >= expires_at_s(world, task):
            # Source: https://github.com/openchatui/openchat/pull/107, 2025-11-03.
            message = "The video is no longer available. Downloads expire after 1 hours."
            raise OpenAIError(404, message)
        if variant in _VARIANTS:
            return _picture(variant)
        return await send_clip(request, world, task, fault)

    async def create_character(self, request: web.Request) -> web.StreamResponse:
        self._open(request, "other")
        name = read_character(await read_form(request))
        character = {
            "id": f"char_{self._world.new_uuid().hex}",
            "name": name,
            "created_at": int(self._world.now_s()),
        }
        self._world.kept[NAME, str(character["id"])] = character
        return web.json_response(character)

    async def character(self, request: web.Request) -> web.StreamResponse:
        self._open(request, "other")
        character = self._world.kept.get((NAME, request.match_info["id"]))
        if character is None:
            raise fault_error(NOT_FOUND)
        return web.json_response(character)

    async def _submit(
        self, request: web.Request, account: OpenAIAccount, create: Create
    ) -> web.StreamResponse:
        world, call = self._world, request[CALL]
        plan = world.scenarios.next_submit(NAME, create.prompt)
        call.label, call.inputs = plan.label, create.inputs
        check_plan(plan)

        def error(fault: str) -> OpenAIError:
            return fault_error(fault, plan.retry_after_s)

        await refuse_submit(request, world, plan, error)
        room = limits.take(world, account, create.model)
        width, height = frame_size(create.size)
        order = Order(
            provider=NAME,
            account=account.name,
            model=create.model,
            external_id=None,
            seconds=create.seconds,
            width=width,
            height=height,
            clips=1,
            micro_usd_per_s=create.micro_usd_per_s,
            plan=plan,
            free_seconds=create.given_seconds,
            prompt=create.prompt,
            input_id=create.remixed_from,
        )
        task = world.tasks.accept(f"video_{world.new_uuid().hex}", order)
        call.task_id, call.accepted = task.task_id, True
        webhook = world.webhooks.get(NAME)
        if webhook is not None:
            world.callbacks.follow(task, webhook, lambda now: ended_event(world, now))
        lost = await lose_answer(request, world, plan, error)
        if lost is not None:
            return lost
        answer = web.json_response(view(world, task))
        limits.set_headers(answer, room)
        return answer

    def _open(self, request: web.Request, operation: str) -> OpenAIAccount:
        """Name the call and return the account whose key it carries."""
        request[CALL].operation = operation
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        for account in self._world.settings.openai if scheme == "Bearer" else ():
            for known in account.api_keys:
                if hmac.compare_digest(known.encode(), key.encode()):
                    return account
        raise fault_error(UNAUTHORIZED)

    def _lookup(self, account: OpenAIAccount, task_id: str) -> Task | None:
        task = self._world.tasks.get(NAME, task_id)
        is_shown = task and task.order.account == account.name and not task.is_deleted
        return task if is_shown else None

    def _has_vanished(self, task: Task) -> bool:
        return task.phase(self._world.now_s()) is Phase.VANISHED

    def _shown(self, account: OpenAIAccount, task_id: str) -> Task:
        task = self._lookup(account, task_id)
        if task is None or self._has_vanished(task):
            raise OpenAIError(404, f"Video with id '{task_id}' not found.", param="video_id")
        return task

    def _completed(self, account: OpenAIAccount) -> Callable[[str], Task]:
        def find(task_id: str) -> Task:
            task = self._shown(account, task_id)
            if task.phase(self._world.now_s()) is not Phase.SUCCEEDED:
                message = f"Video '{task_id}' is not completed."
                raise OpenAIError(400, message, param="video")
            return task

        return find

    def _knows_character(self, character_id: str) -> bool:
        return (NAME, character_id) in self._world.kept


def _picture(variant: str) -> web.Response:
    name, content_type = _VARIANTS[variant]
    body = (resources.files("proxy.simulator") / "clips" / name).read_bytes()
    return web.Response(body=body, content_type=content_type)
