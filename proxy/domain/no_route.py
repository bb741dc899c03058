"""Why no offer is left: what the caller can change comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.errors import NoRoute
from proxy.domain.money import format_usd
from proxy.domain.source import Verb
from proxy.domain.video import Substitute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from proxy.domain.ids import ModelName
    from proxy.domain.plan import Skipped
    from proxy.domain.policy import Offer, Snapshot

_LAST_TO_TELL = (
    "excluded",
    "incapable",
    "unhealthy",
    "drained",
    "not_configured",
    "price_unknown",
    "model_gone",
    "retired",
)
"""Reasons in the order in which they are told, after those that a limit of the caller's set."""


def no_route(
    model: ModelName | None,
    successors: Sequence[ModelName],
    substitute: Substitute,
    skipped: Sequence[Skipped],
    *,
    verb: Verb = Verb.CREATE,
    could: Sequence[Mapping[str, object]] = (),
) -> NoRoute:
    """The error for a plan without a candidate.

    Args:
        model: the named model, None if the request named none.
        successors: those of a retired model.
        substitute: how far the caller lets routing move.
        skipped: what was considered, and why it was left out.
        verb: what was to be done.
        could: the offers that do it at all, as `who_could` lists them.
    """
    listing = [
        {"provider": item.provider, "model": item.model, "code": item.code, "detail": item.detail}
        for item in skipped
    ]
    if successors and substitute is Substitute.NEVER:
        named = " or ".join(successors)
        message = f"model {model!r} is retired; its successor is {named}"
        return NoRoute(
            message, param="model", details={"skipped": listing}, skipped=tuple(skipped)
        )
    reasons = "; ".join(_reasons(skipped)) or "the team may use none"
    if verb is Verb.CREATE:
        message = f"no offer can make this video: {reasons}"
        return NoRoute(message, details={"skipped": listing}, skipped=tuple(skipped))
    message = f"no offer can {verb} this video: {reasons}"
    details = {"could": list(could), "skipped": listing}
    return NoRoute(message, details=details, skipped=tuple(skipped))


def who_could(verb: Verb, offers: Iterable[Offer]) -> list[dict[str, object]]:
    """Offers that do something at all, whatever stands against it now, and how they are given it.

    Nobody is listed for a create: what stands against that is told of each offer.
    """
    return [
        {"provider": offer.provider, "model": offer.model, "how": [*offer.can.verbs[verb].ways]}
        for offer in offers
        if verb in offer.can.verbs
    ]


def why_never(offer: Offer, snapshot: Snapshot) -> tuple[str, str] | None:
    """Why the configuration lets nothing go to an offer: a stable code, and the details."""
    if not offer.prices:
        return "price_unknown", "no known price"
    provider = snapshot.providers.get(offer.provider)
    if provider is None or not provider.is_configured:
        reasons = [a.reason for a in provider.accounts if a.reason] if provider else []
        return "not_configured", reasons[0] if reasons else "no account is configured"
    return None


def _reasons(skipped: Sequence[Skipped]) -> list[str]:
    """Each reason once, with the offers it holds for; what the caller can change comes first."""
    offers: dict[str, list[str]] = {}
    for item in sorted(skipped, key=_place):
        micro_usd = item.quote_micro_usd
        cost = "" if micro_usd is None else f" at ${format_usd(micro_usd)}"
        offers.setdefault(item.detail, []).append(f"{item.provider}/{item.model}{cost}")
    return [f"{detail} ({', '.join(dict.fromkeys(names))})" for detail, names in offers.items()]


def _place(item: Skipped) -> int:
    return _LAST_TO_TELL.index(item.code) if item.code in _LAST_TO_TELL else -1
