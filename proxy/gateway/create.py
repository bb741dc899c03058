"""Create: plan, price, admit. One store round trip; no vendor is waited for."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.domain.balance import bids_for
from proxy.domain.bucket import Bucket
from proxy.domain.errors import (
    JobNotFound,
    NoRoute,
    ProxyError,
    StoreAway,
    StoreUnavailable,
    Unauthenticated,
)
from proxy.domain.events import BudgetPassed, Refused
from proxy.domain.ids import JobId, TeamId, new_job_id
from proxy.domain.job import Job
from proxy.domain.policy import RouteClass
from proxy.domain.route import plan, wants_usage
from proxy.gateway.announcements import check_webhook_url
from proxy.gateway.decisions import Case, Premises
from proxy.gateway.doubts import admission_of
from proxy.gateway.inputs import drop_inputs
from proxy.gateway.limits import tell_admission
from proxy.gateway.ports.admission import (
    Accepted,
    AdmitCommand,
    KeyConflict,
    PeriodMoved,
    Replayed,
)
from proxy.gateway.refusals import refusal_error
from proxy.gateway.views import Caller, JobView

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from proxy.domain.balance import Balance
    from proxy.domain.bucket import BucketState
    from proxy.domain.plan import Plan
    from proxy.domain.policy import Snapshot
    from proxy.domain.usage import BudgetUse
    from proxy.domain.video import VideoJob
    from proxy.gateway.ports.admission import AdmitResult
    from proxy.gateway.runtime import Runtime

PERIOD_TRIES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """A parsed create with what tells it from others: fingerprint, key, number among SDK tries.

    `job_id` is the one its pictures are kept for; without pictures there is none yet. `trace` is
    the traceparent it came with.
    """

    video: VideoJob
    fingerprint: str
    idempotency_key: str | None
    sdk_try: int
    job_id: JobId | None = None
    trace: str = ""


def buckets_for(caller: Caller, route_class: RouteClass) -> tuple[Bucket, ...]:
    """The token buckets a request of a class spends from: the team's, and the key's own if any."""
    buckets = []
    team, key = caller.team, caller.key
    if (limit := team.limits.get(route_class)) is not None:
        buckets.append(Bucket(name=route_class.value, limit=limit, mode=team.limit_mode))
    if (limit := key.limits.get(route_class)) is not None:
        name = f"{route_class.value}:{key.id}"
        buckets.append(Bucket(name=name, limit=limit, mode=key.limit_mode))
    return tuple(buckets)


@contextmanager
def observing_refusals(runtime: Runtime, caller: Caller) -> Iterator[None]:
    """Report whatever a caller is refused for."""
    try:
        yield
    except ProxyError as refusal:
        runtime.observer.observe(
            Refused(team=caller.team.id, key=caller.key.id, code=refusal.code)
        )
        if isinstance(refusal, Unauthenticated):
            runtime.standby.deny(caller.team.id, caller.key.id)
        raise


async def refused_early(
    runtime: Runtime,
    caller: Caller,
    refusal: StoreUnavailable,
    *,
    fingerprint: str,
    idempotency_key: str | None,
    sdk_try: int,
) -> StoreUnavailable:
    """What to answer when a create surely got no further than our own stores.

    An SDK sends it again by itself, and numbers that try: without a trace of this one it would be
    answered with another equal create's video. Where no trace can be left, it must not be sent.
    """
    if idempotency_key is not None:
        return refusal
    try:
        await runtime.admission.note_refusal(
            caller.key.id,
            fingerprint,
            sdk_try=sdk_try,
            retry_after_s=refusal.retry_after_s or 0,
        )
    except StoreUnavailable:
        return StoreUnavailable(
            refusal.message, retry_after_s=refusal.retry_after_s, should_retry=False
        )
    return refusal


async def check(runtime: Runtime, caller: Caller, video: VideoJob) -> None:
    """Refuse what no offer can make, before anything is stored or fetched for it.

    Raises:
        RequestError: the plan finds no route.
        StoreUnavailable: the store does not answer.
    """
    with observing_refusals(runtime, caller):
        await planned_for(runtime, caller, video, runtime.live.snapshot)


async def create(runtime: Runtime, caller: Caller, request: CreateRequest) -> JobView:
    """Admit a video.

    Raises:
        RequestError: the plan finds no route, or the idempotency key is bound to another request,
            or to a video that was deleted.
        AdmissionError: a bucket, the `queued` limit or a budget refuses; nothing was spent.
        StoreUnavailable: the store does not answer.
    """
    snapshot = runtime.live.snapshot
    with observing_refusals(runtime, caller):
        return await _create(runtime, caller, request, snapshot)


async def _create(
    runtime: Runtime, caller: Caller, request: CreateRequest, snapshot: Snapshot
) -> JobView:
    check_webhook_url(runtime, caller, request.video)
    case = Case(
        id=request.job_id or new_job_id(runtime.random_bytes),
        caller=caller,
        request=request.video,
        snapshot=snapshot,
        premises=await premises_of(runtime, caller, request.video, snapshot),
    )
    try:
        planned = plan_on(case.premises, caller, request.video, snapshot)
    except NoRoute as refusal:
        runtime.decisions.note(case.routeless(refusal))
        raise
    job = _new_job(runtime, case, request, planned)
    result = await _admit(runtime, caller, request, job=job, snapshot=snapshot)
    tell_admission(runtime, caller, result)
    if not isinstance(result, Accepted):
        await drop_inputs(runtime, job)
    match result:
        case Accepted(job=admitted, buckets=buckets, passed=passed):
            runtime.observer.observe(admission_of(admitted))
            runtime.decisions.note(case.accepted(admitted))
            _observe_passed(runtime, admitted, passed)
            runtime.wake()
            warnings = tuple(balance.budget_id for balance in passed)
            view = _view(admitted, buckets, snapshot, is_replay=False)
            return replace(view, budget_warnings=warnings)
        case Replayed(job=Job(is_deleted=True)):
            # Neither a second purchase nor a look at what its team wanted forgotten.
            message = "the video that this Idempotency-Key made was deleted; use a new key"
            raise JobNotFound(message, param="Idempotency-Key")
        case Replayed(job=admitted, buckets=buckets):
            runtime.observer.observe(admission_of(admitted, is_replay=True))
            return _view(admitted, buckets, snapshot, is_replay=True)
        case _:
            error = refusal_error(result, caller)
            if not isinstance(result, KeyConflict):
                runtime.decisions.note(case.refused(planned, error.code))
            raise error


async def planned_for(
    runtime: Runtime, caller: Caller, video: VideoJob, snapshot: Snapshot
) -> Plan:
    """Plan a request without any effect."""
    check_webhook_url(runtime, caller, video)
    premises = await premises_of(runtime, caller, video, snapshot)
    return plan_on(premises, caller, video, snapshot)


async def premises_of(
    runtime: Runtime, caller: Caller, video: VideoJob, snapshot: Snapshot
) -> Premises:
    """How things stand; the store is asked only if the policy routes by what is spent."""
    budgets: Sequence[BudgetUse] = ()
    if wants_usage(video, caller.team, snapshot):
        budgets = await runtime.usage.of(snapshot, caller)
    return Premises(
        at_s=runtime.clock.now_s(),
        conditions=runtime.conditions.now(snapshot),
        budgets=tuple(budgets),
    )


def plan_on(premises: Premises, caller: Caller, video: VideoJob, snapshot: Snapshot) -> Plan:
    """Plan a request as things stand. Raises RequestError."""
    return plan(
        video,
        caller.team,
        snapshot,
        premises.at_s,
        budgets=premises.budgets,
        conditions=premises.conditions,
    )


def _new_job(runtime: Runtime, case: Case, request: CreateRequest, planned: Plan) -> Job:
    now_ms = runtime.balances.now_ms()
    caller = case.caller
    deadline_s = request.video.deadline_s or caller.team.deadline_s
    return Job(
        id=case.id,
        trace=request.trace,
        team=caller.team.id,
        key=caller.key.id,
        created_at_ms=now_ms,
        deadline_at_ms=now_ms + deadline_s * 1000,
        request=request.video,
        fingerprint=request.fingerprint,
        snapshot_digest=case.snapshot.digest,
        plan=planned,
        cost_center=caller.team.cost_center or "",
    )


async def _admit(
    runtime: Runtime, caller: Caller, request: CreateRequest, *, job: Job, snapshot: Snapshot
) -> AdmitResult:
    await runtime.openings.ensure(snapshot)
    for _ in range(PERIOD_TRIES):
        balances = runtime.balances.of(snapshot, caller.team, caller.key)
        command = AdmitCommand(
            job=job,
            bids=bids_for(
                enumerate(job.plan.candidates),
                balances,
                policy=job.plan.policy,
                metadata=request.video.metadata,
            ),
            balances=balances,
            buckets=buckets_for(caller, RouteClass.SUBMIT),
            queued_max=caller.team.queued,
            idempotency_key=request.idempotency_key,
            sdk_try=request.sdk_try,
            asked_at_ms=runtime.balances.now_ms(),
            cool_down=caller.key.cool_down,
        )
        result = await _asked(runtime, command)
        if not isinstance(result, PeriodMoved):
            return result
        runtime.balances.follow(result.now_ms)
    message = "the store's clock moves faster than budgets' periods can be computed"
    raise StoreUnavailable(message, retry_after_s=1)


async def _asked(runtime: Runtime, command: AdmitCommand) -> AdmitResult:
    """Ask the store; where it may have heard and nobody was answered, that is looked into."""
    try:
        return await runtime.admission.admit(command)
    except StoreAway:
        raise
    except StoreUnavailable:
        runtime.doubts.add(command.job, runtime.clock.monotonic_s())
        raise


def _view(
    job: Job, buckets: tuple[BucketState, ...], snapshot: Snapshot, *, is_replay: bool
) -> JobView:
    return JobView(
        job=job, buckets=buckets, offer=snapshot.offer(job.candidate.offer_id), is_replay=is_replay
    )


def _observe_passed(runtime: Runtime, job: Job, passed: tuple[Balance, ...]) -> None:
    for balance in passed:
        team = "" if balance.is_organisation else job.team
        runtime.observer.observe(
            BudgetPassed(job=job.id, team=TeamId(team), budget=balance.budget_id)
        )
