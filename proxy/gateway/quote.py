"""Quote: what a create would do now, with no effect and no submit token spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.balance import bids_for
from proxy.domain.bucket import LimitMode
from proxy.domain.errors import RequestError
from proxy.domain.policy import OnExceed, RouteClass
from proxy.gateway.create import buckets_for, planned_for
from proxy.gateway.ports.admission import CoolingDown, Frozen, OverBudget, TooManyOpen
from proxy.gateway.read import spend
from proxy.gateway.refusals import rate_limited, refusal_error
from proxy.gateway.views import QuotedCandidate, QuoteView

if TYPE_CHECKING:
    from proxy.domain.balance import Bid
    from proxy.domain.errors import ProxyError
    from proxy.domain.plan import Plan
    from proxy.domain.video import VideoJob
    from proxy.gateway.ports.admission import BalanceState, TeamState
    from proxy.gateway.runtime import Runtime
    from proxy.gateway.views import Caller


async def quote(runtime: Runtime, caller: Caller, request: VideoJob) -> QuoteView:
    """Price every candidate and say what a create would answer.

    Raises:
        InvalidRequest: the request is malformed; a create would not even be planned.
        RateLimited: the poll bucket is empty.
    """
    spent = await spend(runtime, caller, RouteClass.POLL)
    snapshot = runtime.live.snapshot
    try:
        planned = await planned_for(runtime, caller, request, snapshot)
    except RequestError as refusal:
        if "skipped" not in refusal.details:
            raise
        return QuoteView(plan=None, candidates=(), chosen=None, refusal=refusal, buckets=spent)
    balances = runtime.balances.of(snapshot, caller.team, caller.key)
    buckets = buckets_for(caller, RouteClass.SUBMIT)
    state = await runtime.accounts.team_state(caller.team.id, balances, buckets, key=caller.key.id)
    bids = bids_for(
        enumerate(planned.candidates), balances, policy=planned.policy, metadata=request.metadata
    )
    bidding = tuple(bid for bid in bids if not _is_frozen(bid, planned, state))
    chosen, over = _choose(bidding, state)
    refusal_now = _refusal(state, caller, over)
    return QuoteView(
        plan=planned,
        candidates=tuple(_quoted(bid, planned, state) for bid in bids),
        chosen=planned.candidates[chosen] if chosen is not None and not refusal_now else None,
        refusal=refusal_now,
        buckets=spent,
    )


def _is_frozen(bid: Bid, planned: Plan, state: TeamState) -> bool:
    return planned.candidates[bid.candidate].provider in state.frozen_providers


def _failing(bid: Bid, state: TeamState) -> list[BalanceState]:
    """The balances a bid does not fit, by the very comparison of the admission script."""
    counted = [state.balances[index] for index in bid.balances]
    return [
        item
        for item in counted
        if item.balance.on_exceed is not OnExceed.ALLOW
        and item.spent_micro_usd + item.reserved_micro_usd + bid.quote_micro_usd
        > item.limit_micro_usd
    ]


def _choose(
    bids: tuple[Bid, ...], state: TeamState
) -> tuple[int | None, OverBudget | Frozen | None]:
    """The first bid that fits, by the rule of admission; else the refusal it would give.

    `bids` are those of providers that are not frozen.
    """
    if not bids:
        return None, Frozen(what="provider")
    for bid in bids:
        failing = _failing(bid, state)
        if not failing:
            return bid.candidate, None
        if any(balance.balance.on_exceed is OnExceed.DENY for balance in failing):
            break
    return None, _over_budget(bids[0], state)


def _over_budget(first: Bid, state: TeamState) -> OverBudget:
    worst = _failing(first, state)[0]
    return OverBudget(
        balance=worst.balance,
        quote_micro_usd=first.quote_micro_usd,
        spent_micro_usd=worst.spent_micro_usd,
        reserved_micro_usd=worst.reserved_micro_usd,
        buckets=state.buckets,
        lifted_micro_usd=worst.lifted_micro_usd,
    )


def _refusal(
    state: TeamState, caller: Caller, over: OverBudget | Frozen | None
) -> ProxyError | None:
    if state.frozen:
        return refusal_error(Frozen(what=state.frozen), caller)
    if state.cooling_ms and caller.key.cool_down is LimitMode.ENFORCE:
        cooling = CoolingDown(left_ms=state.cooling_ms, buckets=state.buckets)
        return refusal_error(cooling, caller)
    if any(bucket.retry_after_us for bucket in state.buckets):
        return rate_limited(RouteClass.SUBMIT, state.buckets)
    if state.open_jobs >= caller.team.queued:
        full = TooManyOpen(open_jobs=state.open_jobs, buckets=state.buckets)
        return refusal_error(full, caller)
    return refusal_error(over, caller) if over else None


def _quoted(bid: Bid, planned: Plan, state: TeamState) -> QuotedCandidate:
    counted = [state.balances[index] for index in bid.balances]
    return QuotedCandidate(
        candidate=planned.candidates[bid.candidate],
        fits=not (_is_frozen(bid, planned, state) or _failing(bid, state)),
        left_after=tuple(
            (balance, balance.left_micro_usd - bid.quote_micro_usd) for balance in counted
        ),
    )
