"""Routing: a request and a snapshot become ranked candidates, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.domain.capability import (
    DEFAULT_SECONDS_MIN,
    Wanted,
    find_misfit,
    own_seconds,
    shape_of,
    way_for,
)
from proxy.domain.conditions import NOTHING_KNOWN, Closure, Conditions
from proxy.domain.errors import Forbidden, InvalidRequest, ModelNotFound, NoRoute
from proxy.domain.ids import ModelName, PolicyName
from proxy.domain.no_route import no_route, who_could, why_never
from proxy.domain.plan import Candidate, Plan, Skipped
from proxy.domain.price import quote
from proxy.domain.rank import AS_REQUESTED, Ranked, View, rank
from proxy.domain.routing import Failover
from proxy.domain.source import Verb
from proxy.domain.usage import ways_of
from proxy.domain.video import Substitute
from proxy.domain.wanted import wanted_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.policy import Offer, Snapshot, Team
    from proxy.domain.routing import RoutingPolicy
    from proxy.domain.usage import BudgetUse
    from proxy.domain.video import Shape, VideoJob


@dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    """What a request meets: the configuration, the time, and how things stand just now.

    In a panic every offer that could make the video is unhealthy; then health is no reason.
    """

    snapshot: Snapshot
    now_s: float
    conditions: Conditions
    is_panic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """Which policy ranks, and which model was named; `successors` when that one is retired.

    `made_by` is the model of the video that is started from: it goes first if none was named.
    """

    policy: RoutingPolicy
    model: ModelName | None
    successors: tuple[ModelName, ...] = ()
    made_by: ModelName | None = None

    @property
    def preferred(self) -> tuple[ModelName, ...]:
        first = self.model or self.made_by
        return (() if first is None else (first,)) + self.successors


def plan(
    job: VideoJob,
    team: Team,
    snapshot: Snapshot,
    now_s: float,
    *,
    budgets: Sequence[BudgetUse] = (),
    conditions: Conditions = NOTHING_KNOWN,
) -> Plan:
    """Rank every offer for a request.

    Args:
        job: the request.
        team: who asks.
        snapshot: the configuration.
        now_s: wall time.
        budgets: how full the budgets are, for policies that `wants_usage` names. A rule that
            leads nowhere is passed over: the asked policy then ranks.
        conditions: which offers are closed just now, and what was measured of them.

    Raises:
        ModelNotFound: the named model or policy does not exist.
        Forbidden: it exists, but the team may not use it.
        InvalidRequest: a field conflicts with the policy's `require`.
        NoRoute: no offer is left; `details["skipped"]` lists each with its reason.
    """
    world = _World(snapshot=snapshot, now_s=now_s, conditions=conditions)
    target = _target(job, team, world)
    ways = ways_of(target.policy, snapshot.policies, budgets)
    refusal: InvalidRequest | NoRoute | None = None
    for state in _states(world):
        for policy, switch in ways:
            try:
                planned = _plan(job, replace(target, policy=policy), team, state)
                return replace(planned, switch=switch)
            except (InvalidRequest, NoRoute) as error:
                if switch is not None:
                    continue
                refusal = error
                if isinstance(error, InvalidRequest):
                    break  # what conflicts with the asked policy is no case for its fallbacks
    assert refusal is not None
    raise refusal


def asked_policy(job: VideoJob, team: Team, snapshot: Snapshot) -> PolicyName:
    """The policy that a request names, or means by naming none."""
    name = job.model if job.model in snapshot.policies else job.policy or team.use.default
    return PolicyName(str(name))


def wants_usage(job: VideoJob, team: Team, snapshot: Snapshot) -> bool:
    """Say whether the policy that is asked for depends on how full budgets are."""
    policy = snapshot.policies.get(asked_policy(job, team, snapshot))
    return policy is not None and bool(policy.when)


def _states(world: _World) -> tuple[_World, ...]:
    """The world as it is; then, for want of any other offer, as if none were unhealthy."""
    closed = world.conditions.closed.values()
    if any(item.why is Closure.UNHEALTHY for item in closed):
        return world, replace(world, is_panic=True)
    return (world,)


def _plan(job: VideoJob, target: _Target, team: Team, world: _World) -> Plan:
    """Plan by one policy. Raises InvalidRequest, NoRoute."""
    substitute = job.substitute or team.substitute
    candidates, skipped = _consider(job, target, team, world)
    if not candidates:
        could = who_could(job.verb, _offers(job.verb, target, team, world.snapshot))
        raise no_route(
            target.model, target.successors, substitute, skipped, verb=job.verb, could=could
        )
    return Plan(
        policy=target.policy.name,
        requested_model=job.model,
        substitute=substitute,
        candidates=tuple(candidates),
        skipped=tuple(skipped),
    )


def _consider(
    job: VideoJob, target: _Target, team: Team, world: _World
) -> tuple[list[Candidate], list[Skipped]]:
    substitute = job.substitute or team.substitute
    wanted = wanted_of(job, target.policy, world.snapshot)
    offers = _offers(job.verb, target, team, world.snapshot)
    open_offers, skipped = _screen(offers, target.policy, world)
    ranked, misfits = _price_and_rank(
        open_offers, wanted, target, world, max_cost=job.max_cost_micro_usd
    )
    skipped += misfits
    candidates, limited = _limit(ranked, target, substitute, job.max_cost_micro_usd)
    return candidates, skipped + limited


def _target(job: VideoJob, team: Team, world: _World) -> _Target:
    named, snapshot = job.model, world.snapshot
    made_by = job.source.model if job.source is not None else None
    if named is not None and named in snapshot.policies:
        if job.policy is not None:
            message = (
                f"model names the policy {named!r} and policy is {job.policy!r}; send only one"
            )
            raise InvalidRequest(message, param="policy")
        policy = _policy(named, "model", team, snapshot)
        return _Target(policy=policy, model=None, made_by=made_by)
    policy = _policy(job.policy or team.use.default, "policy", team, snapshot)
    if named is None:
        return _Target(policy=policy, model=None, made_by=made_by)
    model = snapshot.aliases.get(named, ModelName(named))
    if model not in snapshot.models:
        message = f"model {named!r} is neither a model, an alias nor a policy; see GET /v1/models"
        raise ModelNotFound(message, param="model")
    successors = _successors(model, world)
    if not any(team.use.allows_model(name) for name in (model, *successors)):
        message = f"this team may not use the model {named!r}; see GET /v1/models"
        raise Forbidden(message, param="model")
    return _Target(policy=policy, model=model, successors=successors)


def _policy(name: str, param: str, team: Team, snapshot: Snapshot) -> RoutingPolicy:
    policy = snapshot.policies.get(PolicyName(name))
    allowed = ", ".join(sorted(team.use.policies))
    if policy is None:
        message = f"policy {name!r} does not exist; allowed: {allowed}"
        raise ModelNotFound(message, param=param)
    if policy.name not in team.use.policies and policy.name != team.use.default:
        message = f"this team may not use the policy {name!r}; allowed: {allowed}"
        raise Forbidden(message, param=param)
    return policy


def _successors(model: ModelName, world: _World) -> tuple[ModelName, ...]:
    """Successors of a model that is over wherever it could be had, in order, each once."""
    found: list[ModelName] = []
    pending = [model]
    while pending:
        current = pending.pop(0)
        offers = [offer for offer in world.snapshot.offers if offer.model == current]
        left = [offer for offer in offers if not _is_over(offer, world)]
        if len(left) == len(offers) or any(
            why_never(offer, world.snapshot) is None for offer in left
        ):
            continue
        fresh = [
            name
            for offer in offers
            for name in offer.lifecycle.successors
            if name not in found and name != model
        ]
        found += dict.fromkeys(fresh)
        pending += dict.fromkeys(fresh)
    return tuple(found)


def _is_over(offer: Offer, world: _World) -> bool:
    """Say whether an offer's date has passed, or its provider says that the model is gone."""
    closed = world.conditions.closed.get(offer.id)
    is_gone = closed is not None and closed.why is Closure.MODEL_GONE
    return is_gone or offer.lifecycle.is_retired(world.now_s)


def _offers(verb: Verb, target: _Target, team: Team, snapshot: Snapshot) -> list[Offer]:
    """Offers in question: what the team may use, and always those of the named model.

    What starts from videos only is no alternative for a create, and needs no reason there.
    """
    return [
        offer
        for offer in snapshot.offers
        if offer.model == target.model
        or (team.use.allows_model(offer.model) and (offer.can.creates or verb is not Verb.CREATE))
    ]


def _screen(
    offers: Sequence[Offer], policy: RoutingPolicy, world: _World
) -> tuple[list[Offer], list[Skipped]]:
    """Drop offers that are excluded, retired, unpriced, not configured, or closed just now."""
    kept: list[Offer] = []
    skipped: list[Skipped] = []
    for offer in offers:
        reason = _why_not(offer, policy, world)
        if reason is None:
            kept.append(offer)
        else:
            skipped.append(_skip(offer, *reason))
    return kept, skipped


def _why_not(offer: Offer, policy: RoutingPolicy, world: _World) -> tuple[str, str] | None:
    """Why nothing may go to an offer, whatever is asked: a stable code, and the details."""
    closed = world.conditions.closure(offer, is_panic=world.is_panic)
    if offer.lifecycle.is_retired(world.now_s):
        successors = ", ".join(offer.lifecycle.successors) or "none"
        return "retired", f"retired; successors: {successors}"
    if (unused := why_never(offer, world.snapshot)) is not None:
        return unused
    if policy.excludes(offer.provider, offer.model):
        return "excluded", f"policy {policy.name} excludes it"
    if closed is not None:
        return closed.why.value, closed.detail
    return None


def _price_and_rank(
    offers: Sequence[Offer],
    wanted: Wanted,
    target: _Target,
    world: _World,
    *,
    max_cost: int | None,
) -> tuple[list[Ranked], list[Skipped]]:
    ranked, skipped = _fit(offers, wanted, target, world)
    if wanted.seconds is None and ranked:
        # The best offer's own shortest length becomes the job's; the others are judged at it. One
        # that is too dear makes nothing, so its length says nothing.
        payable = (item for item in ranked if not _is_above(max_cost, item))
        fixed = replace(wanted, seconds=next(payable, ranked[0]).shape.seconds)
        ranked, skipped = _fit(offers, fixed, target, world)
    return ranked, skipped


def _fit(
    offers: Sequence[Offer], wanted: Wanted, target: _Target, world: _World
) -> tuple[list[Ranked], list[Skipped]]:
    fitting: list[Ranked] = []
    skipped: list[Skipped] = []
    for offer in offers:
        seconds = wanted.seconds or own_seconds(
            offer.can, DEFAULT_SECONDS_MIN, reference_images=wanted.reference_images
        )
        sized = replace(wanted, seconds=seconds)
        misfit = find_misfit(offer, sized)
        if misfit is not None:
            skipped.append(_skip(offer, "incapable", misfit))
            continue
        shape = shape_of(offer, sized)
        priced = quote(offer.prices, shape, wanted.source)
        if priced is None:
            skipped.append(_skip(offer, "price_unknown", _no_price(shape, wanted)))
            continue
        way = way_for(offer, wanted)
        fitting.append(Ranked(offer=offer, shape=shape, quote=priced, way=way))
    view = View(
        policy=target.policy,
        models=world.snapshot.models,
        preferred=target.preferred,
        conditions=world.conditions,
        first=AS_REQUESTED if target.model else "model of the source",
    )
    return rank(fitting, view), skipped


def _no_price(shape: Shape, wanted: Wanted) -> str:
    sound = "with" if shape.audio else "without"
    done = "" if wanted.source is None else f" to {wanted.source.verb}"
    return f"no price{done} for {shape.resolution} {sound} audio"


def _limit(
    ranked: Sequence[Ranked],
    target: _Target,
    substitute: Substitute,
    max_cost_micro_usd: int | None,
) -> tuple[list[Candidate], list[Skipped]]:
    """Apply `max_cost_usd`, then how far the caller lets routing move from the first choice."""
    candidates: list[Candidate] = []
    skipped: list[Skipped] = []
    for item in ranked:
        micro_usd = item.quote.micro_usd
        if _is_above(max_cost_micro_usd, item):
            skipped.append(_skip(item.offer, "over_max_cost", "above max_cost_usd", micro_usd))
        elif not _may_follow(item, candidates, target, substitute):
            detail = f"substitute is {substitute.value}"
            skipped.append(_skip(item.offer, "not_substitutable", detail, micro_usd))
        elif candidates and target.policy.failover is Failover.NONE:
            detail = f"failover of policy {target.policy.name} is none"
            skipped.append(_skip(item.offer, "not_substitutable", detail, micro_usd))
        else:
            candidates.append(_candidate(item))
    return candidates, skipped


def _is_above(max_cost_micro_usd: int | None, item: Ranked) -> bool:
    return max_cost_micro_usd is not None and item.quote.micro_usd > max_cost_micro_usd


def _may_follow(
    item: Ranked, taken: Sequence[Candidate], target: _Target, substitute: Substitute
) -> bool:
    if substitute is Substitute.POLICY:
        return True
    if target.model is not None:
        named = (target.model,) if substitute is Substitute.NEVER else target.preferred
        if item.offer.model not in named:
            return False
    if not taken:
        return True
    return substitute is Substitute.SAME_MODEL and item.offer.model == taken[0].model


def _candidate(item: Ranked) -> Candidate:
    return Candidate(
        provider=item.offer.provider,
        model=item.offer.model,
        upstream=item.offer.upstream,
        shape=item.shape,
        quote_micro_usd=item.quote.micro_usd,
        price_id=item.quote.price_id,
        reason=item.reason,
        score=item.score,
        way=item.way,
    )


def _skip(offer: Offer, code: str, detail: str, quote_micro_usd: int | None = None) -> Skipped:
    return Skipped(
        provider=offer.provider,
        model=offer.model,
        code=code,
        detail=detail,
        quote_micro_usd=quote_micro_usd,
    )
