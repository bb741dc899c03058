"""Events as log lines: the fields of each event that may be written down, and nothing else."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from proxy.domain import events, health_events, ledger_events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.events import Event

LOGGER = "greenlight.events"

FIELDS: Mapping[type, tuple[str, ...]] = {
    events.Admitted: (
        "job",
        "team",
        "key",
        "policy",
        "provider",
        "model",
        "reserved_micro_usd",
        "is_replay",
    ),
    events.Refused: ("team", "key", "code"),
    events.SlotTaken: ("job", "provider", "account"),
    events.Submitting: ("job", "team", "provider", "account", "model", "attempt", "queued_s"),
    events.ProviderCalled: (
        "job",
        "provider",
        "account",
        "model",
        "operation",
        "outcome",
        "took_s",
        "upstream_code",
        "is_classified",
    ),
    events.Moved: ("job", "team", "provider", "model", "before", "after", "code"),
    events.Stored: ("job", "provider", "model", "size_bytes", "took_s"),
    events.Resolved: (
        "job",
        "team",
        "provider",
        "model",
        "attempt",
        "resolution",
        "reserved_micro_usd",
        "charged_micro_usd",
        "overage_micro_usd",
        "is_wasted",
    ),
    events.FailedOver: ("job", "before", "after", "model", "reason", "reserved_micro_usd"),
    events.Ended: ("job", "team", "state", "code", "took_s", "render_s", "provider", "model"),
    events.OutcomeUnknown: ("job", "provider", "model", "reason"),
    health_events.RenderFailed: (
        "job",
        "provider",
        "account",
        "model",
        "kind",
        "upstream_code",
        "is_classified",
    ),
    health_events.BreakerMoved: (
        "provider",
        "account",
        "model",
        "operation",
        "before",
        "after",
        "cause",
    ),
    health_events.ProbeBegan: ("job", "provider", "account", "model", "operation"),
    events.CallbackReceived: ("provider", "account", "model", "job", "outcome"),
    events.ConfigReloaded: ("digest", "problems"),
    events.StoreCalled: ("operation", "outcome", "took_s"),
    events.RecordSetAside: ("job",),
    events.ChoreFailed: ("chore",),
    events.RequestServed: ("route", "method", "status", "took_s", "request_id"),
    events.LimitChecked: ("team", "key", "limit_class", "mode", "decision"),
    events.AnsweredStale: ("job", "team", "age_s"),
    events.BudgetPassed: ("job", "team", "budget"),
    events.BudgetAlert: ("team", "budget", "kind", "level_percent", "notice"),
    events.NoticeSent: (
        "notice",
        "kind",
        "receiver",
        "outcome",
        "status",
        "fault",
        "tries",
        "took_s",
    ),
    events.UpkeepEnded: ("part", "outcome", "items"),
    events.DecisionsLost: ("count",),
    ledger_events.OrphanCharged: ("provider", "account", "task", "charged_micro_usd"),
    ledger_events.LookEnded: ("provider", "account", "outcome", "listed", "orphans", "unpriced"),
    ledger_events.StoreJudged: ("is_whole",),
    events.EndNoticed: ("job", "provider", "model", "lag_s"),
    events.WorkerTurned: ("busy",),
    ledger_events.LedgerVerified: ("entries", "broken"),
}
"""Event -> the fields that are logged. A field that is added to an event stays out until here."""

_LEVELS: Mapping[type, int] = {
    events.SlotTaken: logging.DEBUG,
    events.LimitChecked: logging.DEBUG,
    events.EndNoticed: logging.DEBUG,
    events.WorkerTurned: logging.DEBUG,
    events.AnsweredStale: logging.DEBUG,
    events.FailedOver: logging.WARNING,
    ledger_events.OrphanCharged: logging.WARNING,
    events.BudgetPassed: logging.WARNING,
    events.BudgetAlert: logging.WARNING,
    events.OutcomeUnknown: logging.WARNING,
    health_events.RenderFailed: logging.WARNING,
    health_events.BreakerMoved: logging.WARNING,
    events.RecordSetAside: logging.ERROR,
    events.ChoreFailed: logging.ERROR,
    events.DecisionsLost: logging.WARNING,
}

_CALLBACK_LEVELS: Mapping[str, int] = {
    # Anybody can ask for an address that is none.
    "unknown_address": logging.DEBUG,
    "ignored": logging.DEBUG,
    "repeated": logging.DEBUG,
    "forged": logging.WARNING,
    "stale": logging.WARNING,
    "unreadable": logging.WARNING,
}

_NOTICE_LEVELS: Mapping[str, int] = {
    "failed": logging.WARNING,
    "silenced": logging.ERROR,
    "given_up": logging.ERROR,
}

TEXT_CHARS_MAX = 128
CLIENT_ERROR = 400
SERVER_ERROR = 500


class Logs:
    """An observer that logs: a line for each change of a job's state, and for what went wrong.

    What only counts (a bucket asked, a store call that worked, a GET that was answered) is DEBUG.
    """

    def __init__(self) -> None:
        self._logger = logging.getLogger(LOGGER)

    def observe(self, event: Event) -> None:
        """Log one event."""
        level = level_of(event)
        if self._logger.isEnabledFor(level):
            kind = type(event)
            fields = {name: _plain(getattr(event, name)) for name in FIELDS[kind]}
            # Logger.log would walk the stack to find its caller: half the cost of a line.
            record = logging.LogRecord(LOGGER, level, "", 0, kind.__name__, None, None)
            record.fields = fields
            self._logger.handle(record)


def level_of(event: Event) -> int:
    """How much an event matters, as a level of `logging`."""
    match event:
        case events.StoreCalled() | events.ProviderCalled() | events.CallbackReceived():
            return _call_level(event)
        case (
            events.NoticeSent()
            | events.UpkeepEnded()
            | ledger_events.LedgerVerified()
            | ledger_events.LookEnded()
        ):
            return _chore_level(event)
        case events.Moved():
            return logging.DEBUG if event.after is event.before else logging.INFO
        case events.ConfigReloaded() | ledger_events.StoreJudged():
            is_bad = (
                not event.is_whole
                if isinstance(event, ledger_events.StoreJudged)
                else event.problems
            )
            return logging.ERROR if is_bad else logging.INFO
        case events.RequestServed():
            return _request_level(event)
        case _:
            return _LEVELS.get(type(event), logging.INFO)


def _call_level(
    event: events.StoreCalled | events.ProviderCalled | events.CallbackReceived,
) -> int:
    if isinstance(event, events.CallbackReceived):
        return _CALLBACK_LEVELS.get(event.outcome, logging.INFO)
    # An outage of the store is told once (proxy.telemetry.outages), not call by call.
    is_outage = isinstance(event, events.StoreCalled) and event.unavailable is not None
    return logging.DEBUG if is_outage or event.outcome == "ok" else logging.WARNING


def _chore_level(
    event: events.NoticeSent
    | events.UpkeepEnded
    | ledger_events.LedgerVerified
    | ledger_events.LookEnded,
) -> int:
    if isinstance(event, ledger_events.LedgerVerified):
        return logging.CRITICAL if event.broken else logging.INFO
    if isinstance(event, events.NoticeSent):
        return _NOTICE_LEVELS.get(event.outcome, logging.INFO)
    if event.outcome != "ok":
        return logging.WARNING if isinstance(event, ledger_events.LookEnded) else logging.ERROR
    found = event.orphans if isinstance(event, ledger_events.LookEnded) else event.items
    return logging.INFO if found else logging.DEBUG


def _request_level(event: events.RequestServed) -> int:
    if event.status >= SERVER_ERROR:
        return logging.ERROR
    is_quiet = event.method in ("GET", "HEAD") and event.status < CLIENT_ERROR
    return logging.DEBUG if is_quiet else logging.INFO


def _plain(value: object) -> object:
    """A value as JSON takes it; times to the microsecond, words of others cut short."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, str):
        return str(value)[:TEXT_CHARS_MAX]
    return value
