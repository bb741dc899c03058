"""Counters at 0: one that begins at 1 when the first thing happens is not seen to rise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.job import JobState
from proxy.telemetry import catalog
from proxy.telemetry.catalog import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.policy import Snapshot
    from proxy.telemetry.catalog import Metric
    from proxy.telemetry.families import Families

_CREATES_END = ("accepted", "budget_exceeded", "rate_limited", "invalid")
_USES = ("used", "wasted")


def _counters(*labels: str) -> tuple[Metric, ...]:
    return tuple(
        metric
        for metric in catalog.METRICS
        if metric.kind is Kind.COUNTER and metric.labels == labels
    )


_BY_OFFER = _counters("provider", "model")
_BY_ACCOUNT = _counters("provider", "account")


def begin(families: Families, snapshot: Snapshot, teams: Mapping[str, str]) -> None:
    """Show what a configuration's offers, accounts and teams may come to; `teams` has labels."""
    for offer in snapshot.offers:
        for metric in _BY_OFFER:
            families.count(metric, (offer.provider, offer.model), 0)
    for provider in snapshot.providers.values():
        for account in provider.accounts:
            for metric in _BY_ACCOUNT:
                families.count(metric, (provider.name, account.name), 0)
    for label in set(teams.values()):
        _begin_team(families, label)


def _begin_team(families: Families, label: str) -> None:
    for outcome in _CREATES_END:
        families.count(catalog.ADMISSIONS, (label, outcome), 0)
    for state in JobState:
        if state.is_terminal:
            families.count(catalog.JOBS_ENDED, (label, state.value), 0)
    for use in _USES:
        families.count(catalog.TEAM_CHARGED_USD, (label, use), 0)
