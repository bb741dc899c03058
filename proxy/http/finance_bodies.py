"""Finance's answers as JSON: money as decimal dollar strings with six places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain import forecast
from proxy.domain.instant import iso_ms
from proxy.domain.money import format_usd
from proxy.domain.reconcile import Verdict
from proxy.gateway.ports.ledger import NotPosted
from proxy.http.budget import account_body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.ledger import Entry
    from proxy.domain.proof import Verification
    from proxy.domain.reconcile import Finding, Reconciliation
    from proxy.domain.report import Figures
    from proxy.domain.takeover import Takeover
    from proxy.gateway.finance.budgets import BudgetLine
    from proxy.gateway.finance.reconcile import Corrected, Correction
    from proxy.gateway.finance.report import Reported

Json = dict[str, object]


def budgets_body(lines: Sequence[BudgetLine]) -> Json:
    """Every budget, as the team API shows its own, with whose it is and where it will end."""
    return {
        "object": "list",
        "forecast_method": forecast.METHOD,
        "data": [
            {
                "object": "budget",
                "team": line.team,
                "account": line.state.balance.account,
                **account_body(line.state),
                "forecast": _amount(line.forecast_micro_usd),
            }
            for line in lines
        ],
    }


def preview_body(takeovers: Sequence[Takeover]) -> Json:
    """What accounts would open with in the period that runs."""
    return {
        "object": "list",
        "data": [
            {
                "object": "budget.preview",
                "account": each.balance.account,
                "period_id": each.balance.period.id,
                "spent": format_usd(each.spent_micro_usd),
                "reserved": format_usd(each.held_micro_usd),
            }
            for each in takeovers
        ],
    }


def report_body(found: Reported) -> Json:
    """A report: its rows, dearest first, and their sums."""
    report, period = found.report, found.window.period
    return {
        "object": "report",
        "by": list(report.by),
        "since": iso_ms(report.since_ms),
        "until": iso_ms(report.until_ms),
        "period": period.id if period else None,
        "forecast_method": forecast.METHOD,
        "rows": [
            {
                "group": dict(zip(report.by, row.group, strict=True)),
                **_figures(row.figures, found),
            }
            for row in report.rows
        ],
        "total": _figures(report.total, found),
    }


def _figures(figures: Figures, found: Reported) -> Json:
    return {
        "spent": format_usd(figures.spent_micro_usd),
        "overage": format_usd(figures.overage_micro_usd),
        "adjusted": format_usd(figures.adjusted_micro_usd),
        "written_off": format_usd(figures.written_off_micro_usd),
        "held": format_usd(figures.held_micro_usd),
        "attempts": figures.attempts,
        "videos": figures.videos,
        "delivered_seconds": figures.delivered_seconds,
        "per_video": _amount(figures.per_video_micro_usd),
        "per_second": _amount(figures.per_second_micro_usd),
        "wasted": format_usd(figures.all_wasted_micro_usd),
        "wasted_by_outcome": {
            outcome: format_usd(micro_usd)
            for outcome, micro_usd in sorted(figures.wasted_micro_usd.items())
            if micro_usd
        },
        "forecast": _amount(found.forecast_of(figures.spent_micro_usd)),
    }


def entries_body(entries: Sequence[Entry], *, has_more: bool) -> Json:
    """Entries of the ledger, oldest first."""
    return {"object": "list", "data": [_entry(entry) for entry in entries], "has_more": has_more}


def _entry(entry: Entry) -> Json:
    of = entry.charge
    return {
        "object": "ledger.entry",
        "id": entry.id,
        "at": iso_ms(entry.at_ms),
        "kind": entry.kind.value,
        "job": entry.job or None,
        "attempt": entry.attempt or None,
        "team": entry.team or None,
        "reserved": format_usd(entry.reserved_micro_usd),
        "spent": format_usd(entry.spent_micro_usd),
        "amount": format_usd(entry.amount_micro_usd),
        "until": iso_ms(entry.until_ms) if entry.until_ms else None,
        "key": of.key or None,
        "policy": of.policy or None,
        "provider": of.provider or None,
        "account": of.account or None,
        "model": of.model or None,
        "price_id": of.price_id or None,
        "snapshot": of.snapshot_digest or None,
        "by": of.by or None,
        "cost_center": of.cost_center or None,
        "seconds": of.seconds,
        "resolution": of.resolution or None,
        "outcome": of.outcome or None,
        "task": of.task or None,
        "metadata": dict(of.metadata),
        "actor": entry.actor or None,
        "reason": entry.reason or None,
        "balances": list(entry.balances),
        "operation": entry.operation or None,
    }


def verification_body(found: Verification) -> Json:
    """What a proof of the ledger found."""
    return {
        "object": "ledger.verification",
        "sound": found.is_sound,
        "entries": found.entries,
        "balances": found.balances,
        "open_attempts": found.open_attempts,
        "violations": [
            {"law": each.law.value, "subject": each.subject, "message": each.message}
            for each in found.violations
        ],
    }


def reconciliation_body(found: Reconciliation) -> Json:
    """An invoice beside the ledger; `difference` is ledger minus invoice."""
    return {
        "object": "ledger.reconciliation",
        "invoice": found.invoice,
        "lines": found.lines,
        "invoiced": format_usd(found.invoiced_micro_usd),
        "difference": format_usd(found.difference_micro_usd),
        "equal": {"count": found.equal, "amount": format_usd(found.equal_micro_usd)},
        **{
            verdict.value: [_finding(finding) for finding in found.of(verdict)]
            for verdict in Verdict
            if verdict is not Verdict.EQUAL
        },
    }


def corrected_body(found: Corrected) -> Json:
    """What was posted, between the comparison before and the one after."""
    return {
        "object": "ledger.correction",
        "before": reconciliation_body(found.before),
        "posted": [_correction(each) for each in found.corrections if each.is_posted],
        "refused": [_correction(each) for each in found.corrections if not each.is_posted],
        "after": reconciliation_body(found.after),
    }


def _finding(finding: Finding) -> Json:
    of = finding.standing.charge if finding.standing else None
    return {
        "provider": finding.provider,
        "attempt": finding.attempt or None,
        "task": finding.task or None,
        "team": finding.standing.team if finding.standing else None,
        "charged": format_usd(finding.charged_micro_usd),
        "invoiced": format_usd(finding.invoiced_micro_usd),
        "missing": format_usd(finding.missing_micro_usd),
        "outcome": of.outcome or None if of else None,
        "by": of.by or None if of else None,
        "lines": list(finding.lines),
    }


def _correction(each: Correction) -> Json:
    finding = each.finding
    result = each.result
    return {
        "verdict": finding.verdict.value,
        "provider": finding.provider,
        "attempt": finding.attempt or None,
        "task": finding.task or None,
        "amount": format_usd(finding.missing_micro_usd),
        "entry": None if isinstance(result, NotPosted) else result.entry_id,
        "refused": result.value if isinstance(result, NotPosted) else None,
    }


def _amount(micro_usd: int | None) -> str | None:
    return None if micro_usd is None else format_usd(micro_usd)
