"""Why no offer is left: what the caller can change comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.errors import NoRoute
from proxy.domain.money import format_usd
from proxy.domain.video import Substitute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.ids import ModelName
    from proxy.domain.plan import Skipped

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
) -> NoRoute:
    """The error for a plan without a candidate.

    Args:
        model: the named model, None if the request named none.
        successors: those of a retired model.
        substitute: how far the caller lets routing move.
        skipped: what was considered, and why it was left out.
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
    message = f"no offer can make this video: {reasons}"
    return NoRoute(message, details={"skipped": listing}, skipped=tuple(skipped))


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
