"""Every endpoint of the admin API as data: who may call it, with what, and what it may refuse.

`proxy.http.admin.routes` gives each its handler; docs/admin.md shows the same table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "/admin/v1"


class Role(StrEnum):
    """What an admin token is for."""

    VIEWER = "viewer"
    FINANCE = "finance"
    OPERATOR = "operator"


EVERYBODY = (Role.VIEWER, Role.FINANCE, Role.OPERATOR)
MONEY = (Role.FINANCE,)
RUNNING = (Role.OPERATOR,)
STOPPING = (Role.FINANCE, Role.OPERATOR)

ALWAYS = (
    "invalid_api_key",
    "forbidden",
    "rate_limit_exceeded",
    "store_unavailable",
    "restore_needed",
    "internal_error",
)
"""Errors that every endpoint may answer."""
OF_A_CHANGE = ("invalid_request", "payload_too_large", "idempotency_conflict")
"""And those of every change."""

_SPAN = ("period", "since", "until", "timezone")
_INVOICE = ("invoice", "provider", *_SPAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminEndpoint:
    """One method of one path below PREFIX; a GET answers HEAD too.

    `query` and `body` are the names that it knows, `errors` its own beside those of all. Whatever
    `is_change` needs a `reason` in its body and takes an Idempotency-Key; it goes on record.
    """

    method: str
    path: str
    roles: tuple[Role, ...]
    summary: str
    query: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    is_change: bool = False

    @property
    def all_errors(self) -> tuple[str, ...]:
        """Every error that it may answer."""
        own = OF_A_CHANGE if self.is_change else ()
        return tuple(dict.fromkeys((*self.errors, *own, *ALWAYS)))


def _read(
    path: str, summary: str, *, query: tuple[str, ...] = (), errors: tuple[str, ...] = ()
) -> AdminEndpoint:
    asked = ("invalid_request",) if query else ()
    return AdminEndpoint(
        method="GET",
        path=path,
        roles=EVERYBODY,
        summary=summary,
        query=query,
        errors=(*asked, *errors),
    )


def _change(
    path: str,
    roles: tuple[Role, ...],
    summary: str,
    *,
    body: tuple[str, ...] = (),
    errors: tuple[str, ...] = (),
) -> AdminEndpoint:
    return AdminEndpoint(
        method="POST",
        path=path,
        roles=roles,
        summary=summary,
        body=(*body, "reason"),
        errors=errors,
        is_change=True,
    )


INDEX = _read("", "This table")
TEAMS = _read("/teams", "Teams with what they have under way")
BUDGETS = _read("/budgets", "Every budget: limit, spent, held, left, overrides, forecast")
PREVIEW = AdminEndpoint(
    method="POST",
    path="/budgets/preview",
    roles=EVERYBODY,
    summary="What accounts would open with: spent and held by the ledger; changes nothing",
    body=("accounts",),
    errors=("invalid_request", "payload_too_large", "archive_damaged"),
)
OVERRIDES = _read("/overrides", "Overrides that live")
OVERRIDE = _change(
    "/overrides",
    MONEY,
    "Add to a budget's limit for a while",
    body=("budget", "team", "amount", "until", "for_s"),
    errors=("not_found", "conflict"),
)
REVOKE_OVERRIDE = _change(
    "/overrides/{id}/revoke", MONEY, "End an override", errors=("not_found",)
)
FREEZES = _read("/freezes", "What is frozen")
FREEZE = _change(
    "/freezes",
    STOPPING,
    "Stop new spend of a team, at a provider, or (with neither) altogether",
    body=("team", "provider"),
    errors=("not_found",),
)
THAW = _change("/freezes/thaw", STOPPING, "End a freeze", body=("team", "provider"))
PROVIDERS = _read("/providers", "Every offer at every account: state, breakers, slots, end")
DRAIN = _change(
    "/providers/{name}/drain",
    RUNNING,
    "Send nothing new to a provider, or to one account of it",
    body=("account",),
    errors=("not_found",),
)
RESUME = _change("/providers/{name}/resume", RUNNING, "End a drain", body=("account",))
JOBS = _read(
    "/jobs",
    "Jobs of every team, newest first",
    query=("team", "state", "since", "after", "limit"),
)
JOB = _read("/jobs/{id}", "One job with its attempts and its route", errors=("video_not_found",))
CANCEL_JOB = _change("/jobs/{id}/cancel", RUNNING, "Cancel a job", errors=("video_not_found",))
RESOLVE_JOB = _change(
    "/jobs/{id}/resolve",
    RUNNING,
    "Decide an unknown outcome: charged or released",
    body=("outcome", "amount"),
    errors=("video_not_found", "conflict"),
)
KEYS = _read("/keys", "API keys, without their secrets")
REVOKE_KEY = _change("/keys/{id}/revoke", RUNNING, "Refuse an API key", errors=("not_found",))
END_COOLDOWN = _change(
    "/keys/{id}/end_cooldown",
    RUNNING,
    "Forget an API key's refusals for content, and end its cool-down",
    errors=("not_found",),
)
AUDIT = _read(
    "/audit",
    "What persons changed, the latest first",
    query=("since", "until", "action", "actor", "target", "limit"),
)
DECISIONS = _read(
    "/decisions",
    "Routing decisions, the latest first",
    query=(
        *("since", "until", "team", "outcome", "policy", "provider", "model"),
        *("requested_model", "limit"),
    ),
)
DRILL = _read(
    "/drill/retire",
    "Where the videos of a time would have gone without a model, and at what price",
    query=("model", "since", "until"),
    errors=("not_found",),
)
WEBHOOKS = _read(
    "/webhooks",
    "Letters that nobody took, or that wait; or all about one video",
    query=("job", "team", "state", "receiver", "limit"),
    errors=("video_not_found",),
)
RECEIVERS = _read("/webhooks/receivers", "Receivers with their rests and latest tries")
REPLAY = _change(
    "/webhooks/replay",
    RUNNING,
    "Tell a video's end again, or send a receiver what it has not taken",
    body=("job", "receiver"),
    errors=("video_not_found", "not_found", "conflict"),
)
CONFIG = _read("/config", "The configuration in force in every process, and what was refused")
RELOAD = _change("/config/reload", RUNNING, "Read the configuration again")
REPORT = _read(
    "/report", "What was spent, grouped", query=(*_SPAN, "by"), errors=("archive_damaged",)
)
LEDGER = _read(
    "/ledger",
    "Entries of the ledger, oldest first",
    query=(*_SPAN, "job", "team", "kind", "limit"),
    errors=("archive_damaged",),
)
VERIFY = _read("/ledger/verify", "Prove the laws of the ledger", errors=("archive_damaged",))
EXPORT = _read(
    "/ledger/export",
    "The ledger of a time as a file",
    query=(*_SPAN, "format"),
    errors=("archive_damaged",),
)
MANIFEST = _read(
    "/ledger/export/manifest",
    "Rows, sum and SHA-256 of that file",
    query=(*_SPAN, "format"),
    errors=("archive_damaged",),
)
RECONCILE = AdminEndpoint(
    method="POST",
    path="/ledger/reconcile",
    roles=EVERYBODY,
    summary="An invoice beside the ledger; changes nothing",
    body=_INVOICE,
    errors=("invalid_request", "payload_too_large", "archive_damaged"),
)
POST_INVOICE = _change(
    "/ledger/reconcile/post",
    MONEY,
    "The same, and what the ledger lacks is posted",
    body=_INVOICE,
    errors=("archive_damaged",),
)
ORPHANS = _read(
    "/ledger/orphans",
    "What vendors list and no attempt explains; charges nothing",
    query=("provider", "since"),
    errors=("not_found", "archive_damaged"),
)
CHARGE_ORPHANS = _change(
    "/ledger/orphans",
    STOPPING,
    "The same, and it is charged to nobody",
    body=("provider", "since"),
    errors=("not_found", "archive_damaged"),
)
SURVEY = _read(
    "/ledger/restore",
    "What the ledger's files know that the store does not",
    errors=("archive_damaged", "conflict"),
)
RESTORE = _change(
    "/ledger/restore",
    RUNNING,
    "Put a store that was lost right again from the ledger's files",
    body=("open", "queued"),
    errors=("archive_damaged", "conflict"),
)
WRITE_OFF = _change(
    "/ledger/write_off",
    MONEY,
    "Take what an attempt cost off its team",
    body=("attempt",),
    errors=("archive_damaged",),
)
