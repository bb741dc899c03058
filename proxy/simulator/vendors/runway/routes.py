"""Runway's endpoints: create by kind of input, one task, the organisation."""

import hmac
import json
from dataclasses import replace

from aiohttp import web
from aiohttp.typedefs import Handler

from proxy.simulator.directives import BadDirectiveError, Plan
from proxy.simulator.fields import BadFieldError
from proxy.simulator.settings import RunwayAccount
from proxy.simulator.tasks import UNFINISHED, Order, Phase, Task
from proxy.simulator.vendor import (
    Vendor,
    garbage,
    lose_answer,
    read_fault,
    recorder,
    refuse_submit,
)
from proxy.simulator.vendors.runway.catalog import CREDIT_MICRO_USD, MODELS, Kind
from proxy.simulator.vendors.runway.errors import (
    DAILY_LIMIT,
    FAILURES,
    NO_CREDITS,
    NOT_FOUND,
    UNAUTHORIZED,
    RunwayError,
    failure_code,
    fault_error,
    invalid,
)
from proxy.simulator.vendors.runway.requests import Create, read_create
from proxy.simulator.vendors.runway.tasks import estimated_cost, view
from proxy.simulator.videos import fetch_video
from proxy.simulator.world import CALL, World

NAME = "runway"
# Source: https://docs.dev.runwayml.com/api-details/versioning, 2026-11-22: the only version.
VERSION = "2024-11-06"
_DAY_S = 86_400
_MONTHLY_CREDITS_MAX = 10_000  # tier 1: $100


def build(world: World) -> web.Application:
    """Return Runway's API as an application to be mounted below `/runway`."""
    app = web.Application(middlewares=[recorder(NAME, world), _errors])
    api = _Api(world)
    for kind in Kind:
        app.router.add_post(f"/v1/{{kind:{kind}}}", api.create)
    app.router.add_get("/v1/tasks/{id}", api.task, allow_head=False)
    app.router.add_delete("/v1/tasks/{id}", api.delete)
    app.router.add_get("/v1/organization", api.organization, allow_head=False)
    return app


VENDOR = Vendor(NAME, build)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RunwayError as error:
        return error.response()
    except (BadFieldError, BadDirectiveError) as error:
        return invalid(error).response()
    except web.HTTPNotFound:
        return fault_error(NOT_FOUND).response()
    except web.HTTPMethodNotAllowed:
        return RunwayError(405, "Method not allowed").response()
    except web.HTTPRequestEntityTooLarge:
        return RunwayError(413, "The request body is too large").response()


class _Api:
    """The handlers; each opens with the name its call gets in the log."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def create(self, request: web.Request) -> web.StreamResponse:
        world, call = self._world, request[CALL]
        call.operation = "submit"
        account = self._authenticate(request)
        create = read_create(await _json(request), Kind(request.match_info["kind"]))
        if create.video_url is not None:
            create = create.of(await fetch_video(create.video_url))
        plan = _in_runways_words(world.scenarios.next_submit(NAME, create.prompt))
        call.label, call.inputs = plan.label, create.inputs

        def error(fault: str) -> RunwayError:
            return fault_error(fault, plan.retry_after_s)

        if plan.submit != "concurrency":
            await refuse_submit(request, world, plan, error)
        order = _order(account, create, plan)
        self._check_limits(account, order)
        task = world.tasks.accept(str(world.new_uuid()), order)
        call.task_id, call.accepted = task.task_id, True
        lost = await lose_answer(request, world, plan, error)
        if lost is not None:
            return lost
        return web.json_response({"id": task.task_id, "estimatedCost": estimated_cost(task)})

    async def task(self, request: web.Request) -> web.StreamResponse:
        world, call = self._world, request[CALL]
        call.operation = "status"
        account = self._authenticate(request)
        task_id = call.task_id = request.match_info["id"]
        task = self._lookup(account, task_id)
        plans = {task_id: task.order.plan} if task else {}
        fault = world.scenarios.next_read(NAME, plans, is_find=False)
        broken = await read_fault(request, world, fault, fault_error)
        if broken is not None:
            return broken
        phase = task.phase(world.now_s()) if task else Phase.VANISHED
        if task is None or phase is Phase.VANISHED:
            raise fault_error(NOT_FOUND)
        if task.order.plan.outcome == "garbage" and phase is Phase.SUCCEEDED:
            return garbage()
        return web.json_response(view(world, task, request.url.origin()))

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Cancel an unfinished task, delete an ended one; either can't be fetched again."""
        world, call = self._world, request[CALL]
        call.operation = "cancel"
        account = self._authenticate(request)
        call.task_id = request.match_info["id"]
        task = self._lookup(account, call.task_id)
        if task is None or task.phase(world.now_s()) is Phase.VANISHED:
            raise fault_error(NOT_FOUND)
        world.tasks.delete(task)
        return web.Response(status=204)

    async def organization(self, request: web.Request) -> web.StreamResponse:
        request[CALL].operation = "other"
        account = self._authenticate(request)
        limits = {
            "maxConcurrentGenerations": account.concurrency,
            "maxDailyGenerations": account.daily_generations,
        }
        balance = self._balance_micro_usd(account)
        body = {
            "creditBalance": _MONTHLY_CREDITS_MAX if balance is None else _credits(balance),
            "tier": {
                "maxMonthlyCreditSpend": _MONTHLY_CREDITS_MAX,
                "models": dict.fromkeys(MODELS, limits),
            },
            "usage": {
                "models": {
                    name: {"dailyGenerations": self._of_last_day(account, name)} for name in MODELS
                }
            },
        }
        return web.json_response(body)

    def _authenticate(self, request: web.Request) -> RunwayAccount:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        for account in self._world.settings.runway if scheme == "Bearer" else ():
            for known in account.api_secrets:
                if hmac.compare_digest(known.encode(), secret.encode()):
                    _check_version(request)
                    return account
        raise fault_error(UNAUTHORIZED)

    def _lookup(self, account: RunwayAccount, task_id: str) -> Task | None:
        task = self._world.tasks.get(NAME, task_id)
        is_shown = task and task.order.account == account.name and not task.is_deleted
        return task if is_shown else None

    def _check_limits(self, account: RunwayAccount, order: Order) -> None:
        daily = account.daily_generations
        if daily is not None and self._of_last_day(account, order.model) >= daily:
            raise fault_error(DAILY_LIMIT)
        balance = self._balance_micro_usd(account)
        price = order.seconds * order.micro_usd_per_s
        if balance is not None and balance < price:
            raise fault_error(NO_CREDITS)

    def _balance_micro_usd(self, account: RunwayAccount) -> int | None:
        """Return what is left: a task's price is taken at once and given back if not due."""
        if account.credits is None:
            return None
        now_s = self._world.now_s()
        taken = sum(
            task.price_micro_usd
            if task.phase(now_s) in UNFINISHED
            else task.invoiced_micro_usd(now_s)
            for task in self._tasks_of(account)
        )
        return account.credits * CREDIT_MICRO_USD - taken

    def _of_last_day(self, account: RunwayAccount, model: str) -> int:
        since_s = self._world.now_s() - _DAY_S
        return sum(
            task.order.model == model and task.created_at_s > since_s
            for task in self._tasks_of(account)
        )

    def _tasks_of(self, account: RunwayAccount) -> list[Task]:
        mine = NAME, account.name
        tasks = self._world.tasks.all()
        return [task for task in tasks if (task.order.provider, task.order.account) == mine]


def _in_runways_words(plan: Plan) -> Plan:
    """Return the plan with what Runway does instead of refusing a prompt: it fails the task."""
    if plan.submit == "content_policy":
        code = "INPUT_PREPROCESSING.SAFETY.TEXT"
        plan = replace(plan, submit="ok", outcome="content_policy", code=code, render_s=0.0)
    failure_code(plan)
    return plan


def _order(account: RunwayAccount, create: Create, plan: Plan) -> Order:
    code = failure_code(plan)
    # Somebody else's cancel comes while the task runs, which is not refunded.
    charged = FAILURES[code].is_charged if code else plan.outcome == "cancelled"
    return Order(
        provider=NAME,
        account=account.name,
        model=create.model,
        external_id=None,
        seconds=create.seconds,
        width=create.width,
        height=create.height,
        clips=1,
        micro_usd_per_s=create.credits_per_s * CREDIT_MICRO_USD,
        plan=plan,
        price_unit_micro_usd=CREDIT_MICRO_USD,
        failure_is_charged=charged,
        concurrency=account.concurrency,
    )


def _credits(micro_usd: int) -> int:
    return max(0, micro_usd // CREDIT_MICRO_USD)


def _check_version(request: web.Request) -> None:
    version = request.headers.get("X-Runway-Version")
    if version != VERSION:
        said = "is missing" if version is None else f"{version!r} is not valid"
        raise RunwayError(400, f"The X-Runway-Version header {said}; it must be {VERSION}.")


async def _json(request: web.Request) -> object:
    if request.content_type != "application/json":
        raise RunwayError(400, "Content-Type must be application/json")
    try:
        body: object = json.loads(await request.read())
    except ValueError as error:
        raise RunwayError(400, "The request body is not valid JSON") from error
    return body
