"""Kling's endpoints: create by model, query by task id or external task id."""

import json
from collections.abc import Mapping, Sequence
from typing import TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

from proxy.simulator.callbacks import Recipient
from proxy.simulator.directives import BadDirectiveError
from proxy.simulator.fields import BadFieldError
from proxy.simulator.links import link_to
from proxy.simulator.settings import KlingAccount
from proxy.simulator.tasks import Order, Phase, Task
from proxy.simulator.vendor import (
    Vendor,
    garbage,
    lose_answer,
    read_fault,
    recorder,
    refuse_foreign,
    refuse_submit,
)
from proxy.simulator.vendors.kling.auth import authenticate
from proxy.simulator.vendors.kling.catalog import MODELS, OMNI_MODELS
from proxy.simulator.vendors.kling.errors import (
    OVER_CONCURRENCY,
    KlingError,
    envelope,
    fault_error,
)
from proxy.simulator.vendors.kling.listing import is_listed, page_of, read_listing
from proxy.simulator.vendors.kling.requests import (
    Create,
    read_image_to_video,
    read_omni_video,
    read_text_to_video,
)
from proxy.simulator.videos import fetch_video
from proxy.simulator.world import CALL, World

NAME = "kling"
ModelT = TypeVar("ModelT")
_MICRO_USD = 1_000_000
_TASK_ID_DIGITS = 18
# Not documented: a public client of the API asks for 50 at a time.
_ASKED_TOGETHER_MAX = 50
_FAILURES = {
    "internal": "Service internal error, please try again later",
    "content_policy": "Failure to pass the risk control system",
    "filtered": "Failure to pass the risk control system",
}


def build(world: World) -> web.Application:
    """Return Kling's API as an application to be mounted below `/kling`."""
    app = web.Application(middlewares=[recorder(NAME, world), _errors(world)])
    api = _Api(world)
    app.router.add_post("/text-to-video/{model}", api.text_to_video)
    app.router.add_post("/image-to-video/{model}", api.image_to_video)
    app.router.add_post("/omni-video/{model}", api.omni_video)
    app.router.add_get("/tasks", api.tasks, allow_head=False)
    app.router.add_post("/tasks", api.list)
    return app


VENDOR = Vendor(NAME, build)


def _errors(world: World) -> Middleware:
    @web.middleware
    async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except KlingError as error:
            return error.response(world)
        except (BadFieldError, BadDirectiveError) as error:
            return KlingError(1201, str(error)).response(world)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            message = f"The requested method is invalid: {request.method} {request.path}"
            return KlingError(1202, message).response(world)
        except web.HTTPRequestEntityTooLarge:
            return KlingError(1200, "The request body is too large").response(world)

    return errors


class _Api:
    """The handlers; each opens with the name its call gets in the log."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def text_to_video(self, request: web.Request) -> web.StreamResponse:
        account, model = self._begin(request, MODELS)
        return await self._submit(
            request, account, read_text_to_video(await _json(request), model)
        )

    async def image_to_video(self, request: web.Request) -> web.StreamResponse:
        account, model = self._begin(request, MODELS)
        return await self._submit(
            request, account, read_image_to_video(await _json(request), model)
        )

    async def omni_video(self, request: web.Request) -> web.StreamResponse:
        account, model = self._begin(request, OMNI_MODELS)
        edit = read_omni_video(await _json(request), model)
        return await self._submit(request, account, edit.of(await fetch_video(edit.url)))

    async def tasks(self, request: web.Request) -> web.StreamResponse:
        by_external_id = "external_task_ids" in request.query
        call = request[CALL]
        call.operation = "find" if by_external_id else "status"
        account = authenticate(request, self._world)
        names = _asked(request)
        found = [
            task
            for name in names
            if (task := self._lookup(account, name, by_external_id=by_external_id))
        ]
        call.task_id = ",".join(task.task_id for task in found) or None
        broken = await self._read_fault(request, found, is_find=by_external_id)
        if broken is not None:
            return broken
        now_s = self._world.now_s()
        kept = [task for task in found if task.phase(now_s) is not Phase.VANISHED]
        if not kept:
            raise KlingError(1203, f"The requested resource does not exist: {', '.join(names)}")
        alone = len(names) == 1
        if alone and _is_garbled(kept[0], now_s):
            return garbage()
        origin = request.url.origin()
        return envelope(self._world, [self._view(task, origin) for task in kept])

    async def list(self, request: web.Request) -> web.StreamResponse:
        world, call = self._world, request[CALL]
        call.operation = "list"
        account = authenticate(request, world)
        now_s = world.now_s()
        asked = read_listing(await _json(request), now_s)
        own = [
            task
            for task in world.tasks.all()
            if (task.order.provider, task.order.account) == (NAME, account.name)
            and is_listed(task, now_s)
        ]
        origin = request.url.origin()
        return envelope(world, page_of(own, asked, now_s, lambda task: self._view(task, origin)))

    def _begin(
        self, request: web.Request, models: Mapping[str, ModelT]
    ) -> tuple[KlingAccount, ModelT]:
        request[CALL].operation = "submit"
        account = authenticate(request, self._world)
        name = request.match_info["model"]
        if name not in models:
            raise KlingError(1203, f"The requested resource does not exist: model {name}")
        return account, models[name]

    async def _submit(
        self, request: web.Request, account: KlingAccount, create: Create
    ) -> web.StreamResponse:
        world, call = self._world, request[CALL]
        name = request.match_info["model"]
        plan = world.scenarios.next_submit(NAME, create.prompt)
        call.label, call.inputs = plan.label, create.inputs
        refuse_foreign(plan)

        def error(fault: str) -> KlingError:
            return fault_error(fault, plan.retry_after_s)

        await refuse_submit(request, world, plan, error)
        self._check_room(account, name, create.options.external_id)
        order = Order(
            provider=NAME,
            account=account.name,
            model=name,
            external_id=create.options.external_id,
            seconds=create.seconds,
            width=create.width,
            height=create.height,
            clips=1,
            micro_usd_per_s=create.micro_usd_per_s,
            plan=plan,
        )
        task = world.tasks.accept(self._new_task_id(), order)
        call.task_id, call.accepted = task.task_id, True
        self._follow(task, create.options.callback_url, account, request.url.origin())
        lost = await lose_answer(request, world, plan, error)
        return envelope(world, _head(task, world.now_s())) if lost is None else lost

    def _follow(self, task: Task, url: str | None, account: KlingAccount, origin: URL) -> None:
        """Tell the caller of each change: the task as a query shows it, without the envelope."""
        if url is not None:
            recipient = Recipient(url, account.webhook_secret)
            self._world.callbacks.follow(task, recipient, lambda now: self._view(now, origin))

    def _check_room(self, account: KlingAccount, model: str, external_id: str | None) -> None:
        tasks = self._world.tasks
        if external_id and tasks.by_external_id(NAME, account.name, external_id):
            # What the vendor answers is not documented; the id "must be unique".
            raise KlingError(1201, f"options.external_task_id: {external_id} is already used")
        if (
            account.concurrency is not None
            and tasks.unfinished(NAME, account.name, model) >= account.concurrency
        ):
            raise fault_error(OVER_CONCURRENCY)

    def _lookup(self, account: KlingAccount, name: str, *, by_external_id: bool) -> Task | None:
        tasks = self._world.tasks
        if by_external_id:
            return tasks.by_external_id(NAME, account.name, name)
        task = tasks.get(NAME, name)
        return task if task and task.order.account == account.name else None

    async def _read_fault(
        self, request: web.Request, found: Sequence[Task], *, is_find: bool
    ) -> web.StreamResponse | None:
        world = self._world
        plans = {task.task_id: task.order.plan for task in found}
        fault = world.scenarios.next_read(NAME, plans, is_find=is_find)
        return await read_fault(request, world, fault, fault_error)

    def _view(self, task: Task, origin: URL) -> dict[str, object]:
        """Return the task as a query shows it."""
        now_s = self._world.now_s()
        view = _head(task, now_s) | {"message": "", "outputs": [], "billing": []}
        if _is_garbled(task, now_s):
            return view | {"status": 7, "outputs": "garbage"}
        phase = task.phase(now_s)
        if phase is Phase.FAILED:
            view["message"] = _FAILURES[task.order.plan.outcome]
        if phase is Phase.SUCCEEDED:
            output = {
                "type": "video",
                "id": f"{task.task_id}0",
                "url": link_to(self._world, origin, task),
                "duration": str(task.order.seconds),
            }
            view |= {"outputs": [output], "billing": _billing(task, now_s)}
        return view

    def _new_task_id(self) -> str:
        low = 10 ** (_TASK_ID_DIGITS - 1)
        return str(self._world.settings.rng.randrange(low, low * 10))


async def _json(request: web.Request) -> object:
    if request.content_type != "application/json":
        raise KlingError(1200, "Content-Type must be application/json")
    try:
        body: object = json.loads(await request.read())
    except ValueError as error:
        raise KlingError(1200, "The request body is not JSON") from error
    return body


def _asked(request: web.Request) -> list[str]:
    if len(request.query) != 1 or set(request.query) - {"task_ids", "external_task_ids"}:
        raise KlingError(1201, "exactly one of task_ids and external_task_ids is needed")
    (text,) = request.query.values()
    names = [name for name in text.split(",") if name]
    if not names:
        raise KlingError(1201, "no task id is given")
    if len(names) > _ASKED_TOGETHER_MAX:
        raise KlingError(1201, f"more than {_ASKED_TOGETHER_MAX} task ids are given")
    return names


def _head(task: Task, now_s: float) -> dict[str, object]:
    view: dict[str, object] = {
        "id": task.task_id,
        "status": str(task.phase(now_s)),
        "create_time": int(task.created_at_s * 1000),
        "update_time": int(task.updated_at_s(now_s) * 1000),
    }
    return view | ({"external_id": task.order.external_id} if task.order.external_id else {})


def _is_garbled(task: Task, now_s: float) -> bool:
    return task.order.plan.outcome == "garbage" and task.phase(now_s) is Phase.SUCCEEDED


def _billing(task: Task, now_s: float) -> list[dict[str, str]]:
    """Return what the vendor says it took; equal to the simulator's invoice."""
    listed = task.billed_seconds * task.order.micro_usd_per_s
    return [
        {
            "charge_type": "cash",
            "cash_type": "balance",
            "amount": _dollars(task.invoiced_micro_usd(now_s)),
            "currency": "USD",
            "list_price": _dollars(listed),
        }
    ]


def _dollars(micro_usd: int) -> str:
    return f"{micro_usd // _MICRO_USD}.{micro_usd % _MICRO_USD:06d}"
