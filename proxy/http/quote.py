"""POST /v1/videos/quote as JSON: what a create would do now."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from proxy.domain.errors import NoRoute
from proxy.domain.money import format_usd
from proxy.http import errors, render

if TYPE_CHECKING:
    from proxy.domain.errors import ProxyError
    from proxy.domain.plan import Candidate, Skipped
    from proxy.gateway.views import QuotedCandidate, QuoteView


def quote_body(view: QuoteView) -> dict[str, object]:
    """The quote: candidates in order, then what is skipped; `would` is 200 or the refusal."""
    skipped = render.skipped_entries(_skipped(view))
    candidates = [_candidate(quoted, rank) for rank, quoted in enumerate(view.candidates, 1)]
    return {
        "object": "video.quote",
        "would": HTTPStatus.OK.value if view.refusal is None else _refusal(view.refusal),
        "policy": None if view.plan is None else view.plan.policy,
        "policy_switch": None if view.plan is None else render.policy_switch(view.plan),
        "requested_model": None if view.plan is None else view.plan.requested_model,
        "chosen": None if view.chosen is None else _chosen(view.chosen, view),
        "candidates": [*candidates, *skipped],
    }


def _chosen(chosen: Candidate, view: QuoteView) -> dict[str, object]:
    rank = [quoted.candidate for quoted in view.candidates].index(chosen) + 1
    return render.candidate_entry(chosen, rank)


def _candidate(quoted: QuotedCandidate, rank: int) -> dict[str, object]:
    return {
        **render.candidate_entry(quoted.candidate, rank),
        "fits": quoted.fits,
        "left": [
            {
                "budget": state.balance.budget_id,
                "scope": state.balance.scope,
                "period": state.balance.period.id,
                "left": format_usd(left_micro_usd),
            }
            for state, left_micro_usd in quoted.left_after
        ],
    }


def _skipped(view: QuoteView) -> tuple[Skipped, ...]:
    """What the plan left out, also one that found nothing."""
    if view.plan is not None:
        return view.plan.skipped
    return view.refusal.skipped if isinstance(view.refusal, NoRoute) else ()


def _refusal(refusal: ProxyError) -> dict[str, object]:
    return {"status": errors.status_of(refusal), **errors.body_of(refusal)}
