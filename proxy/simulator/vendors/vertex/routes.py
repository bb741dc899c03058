"""Vertex AI's two Veo endpoints, create and fetch an operation, and the bucket of its videos."""

import json

from aiohttp import web
from aiohttp.typedefs import Handler

from proxy.simulator.delivery import send
from proxy.simulator.directives import BadDirectiveError, Plan
from proxy.simulator.fields import BadFieldError, Fields
from proxy.simulator.tasks import Order, Phase, Task
from proxy.simulator.vendor import (
    Vendor,
    lose_answer,
    read_fault,
    recorder,
    refuse_foreign,
    refuse_submit,
)
from proxy.simulator.vendors.vertex.auth import authenticate
from proxy.simulator.vendors.vertex.catalog import MODELS, Model
from proxy.simulator.vendors.vertex.errors import VertexError, fault_error
from proxy.simulator.vendors.vertex.operations import body_of
from proxy.simulator.vendors.vertex.requests import read_create
from proxy.simulator.vendors.vertex.storage import Storage, keep, stored
from proxy.simulator.world import CALL, World

NAME = "vertex"
# Both versions answer alike: the documentation uses v1, Google's SDK v1beta1.
_MODEL_PATH = (
    r"/{version:v1|v1beta1}/projects/{project}/locations/{location}"
    r"/publishers/google/models/{model:[^/:]+}"
)
# What `download=` can mean where the clip is part of a status answer.
_INLINE_FAULTS = frozenset({"ok", "truncate", "slow", "reset", "garbage"})


def build(world: World) -> web.Application:
    """Return Vertex AI's API as an application to be mounted below `/vertex`."""
    app = web.Application(middlewares=[recorder(NAME, world), _errors])
    api = _Api(world)
    app.router.add_post(_MODEL_PATH + ":predictLongRunning", api.create)
    app.router.add_post(_MODEL_PATH + ":fetchPredictOperation", api.fetch)
    storage = Storage(NAME, world)
    app.router.add_get("/storage/v1/b/{bucket}/o/{object}", storage.get, allow_head=False)
    return app


VENDOR = Vendor(NAME, build)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except VertexError as error:
        return error.response()
    except (BadFieldError, BadDirectiveError) as error:
        return VertexError("INVALID_ARGUMENT", str(error)).response()
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        message = f"No method is served at {request.method} {request.path}"
        return VertexError("NOT_FOUND", message).response()
    except web.HTTPRequestEntityTooLarge:
        message = "Request payload size exceeds the limit."
        return VertexError("INVALID_ARGUMENT", message).response()


class _Api:
    """The handlers; each opens with the name its call gets in the log."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def create(self, request: web.Request) -> web.StreamResponse:
        world, call = self._world, request[CALL]
        call.operation = "submit"
        project, model = self._authorise(request)
        create = read_create(await _json(request), model, lambda uri: stored(NAME, world, uri))
        plan = world.scenarios.next_submit(NAME, create.prompt)
        call.label, call.inputs = plan.label, create.inputs
        _check_plan(plan, is_inline=create.storage_uri is None)

        def error(fault: str) -> VertexError:
            return fault_error(fault, plan.retry_after_s)

        await refuse_submit(request, world, plan, error)
        order = Order(
            provider=NAME,
            account=project,
            model=request.match_info["model"],
            external_id=None,
            seconds=create.seconds,
            width=create.width,
            height=create.height,
            clips=create.clips,
            micro_usd_per_s=create.micro_usd_per_s,
            plan=plan,
            free_seconds=create.given_seconds,
            output_uri=create.storage_uri,
        )
        task = world.tasks.accept(f"{_parent(request)}/operations/{world.new_uuid()}", order)
        call.task_id, call.accepted = task.task_id, True
        if task.order.output_uri is not None:
            keep(world, task)
        lost = await lose_answer(request, world, plan, error)
        return web.json_response({"name": task.task_id}) if lost is None else lost

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        world, call = self._world, request[CALL]
        call.operation = "status"
        self._authorise(request)
        name = _operation_name(await _json(request), _parent(request))
        call.task_id = name
        task = world.tasks.get(NAME, name)
        plans = {name: task.order.plan} if task else {}
        fault = world.scenarios.next_read(NAME, plans, is_find=False)
        broken = await read_fault(request, world, fault, fault_error)
        if broken is not None:
            return broken
        now_s = world.now_s()
        if task is None or task.phase(now_s) is Phase.VANISHED:
            message = f"Operation {name} was not found."
            raise VertexError(status="NOT_FOUND", message=message)
        return await self._answer(request, task, now_s)

    async def _answer(self, request: web.Request, task: Task, now_s: float) -> web.StreamResponse:
        order, fault = task.order, "ok"
        is_inline = order.output_uri is None and order.plan.outcome == "ok"
        if is_inline and task.phase(now_s) is Phase.SUCCEEDED:
            fault = self._world.scenarios.next_download(NAME, task.task_id, order.plan)
        body = body_of(task, now_s, has_videos=fault != "garbage")
        return await send(
            request,
            self._world,
            {"Content-Type": "application/json; charset=UTF-8"},
            size_bytes=body.size_bytes,
            pieces=body.pieces(),
            fault="ok" if fault == "garbage" else fault,
        )

    def _authorise(self, request: web.Request) -> tuple[str, Model]:
        known = authenticate(request, self._world, request.match_info["project"])
        model = MODELS.get(request.match_info["model"])
        if model is None or request.match_info["location"] not in known.locations:
            message = (
                f"Publisher Model `{_parent(request)}` was not found or your project does not "
                "have access to it. Please ensure you are using a valid model version."
            )
            raise VertexError(status="NOT_FOUND", message=message)
        return known.project, model


def _parent(request: web.Request) -> str:
    part = request.match_info
    return (
        f"projects/{part['project']}/locations/{part['location']}"
        f"/publishers/google/models/{part['model']}"
    )


def _operation_name(body: object, parent: str) -> str:
    fields = Fields(body, "")
    name = fields.required_text("operationName")
    fields.done()
    head, separator, operation = name.partition("/operations/")
    if not separator or not operation or head != parent:
        problem = f"must be {parent}/operations/ID"
        raise BadFieldError(path="operationName", problem=problem)
    return name


def _check_plan(plan: Plan, *, is_inline: bool) -> None:
    refuse_foreign(plan)
    if is_inline and plan.download not in _INLINE_FAULTS:
        problem = f"download={plan.download!r} means nothing here: the clip comes inline"
        raise BadDirectiveError(problem)
    if is_inline and (plan.url or plan.redirect):
        message = "url= and redirect= mean nothing here: the clip comes inline"
        raise BadDirectiveError(message)


async def _json(request: web.Request) -> object:
    try:
        body: object = json.loads(await request.read())
    except ValueError as error:
        message = "Invalid JSON payload received."
        raise VertexError(status="INVALID_ARGUMENT", message=message) from error
    return body
