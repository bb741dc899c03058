"""Every metric: name, kind, labels and help. docs/metrics.md says the same, held by a test.

Label sets are few on purpose, so that the number of series stays bounded by teams plus offers and
never grows with their product, with jobs, keys or URLs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LABEL_SETS = frozenset(
    {
        (),
        ("route", "method", "status"),
        ("provider", "model", "operation", "outcome"),
        ("provider", "account", "model", "operation"),
        ("provider", "account"),
        ("provider", "model"),
        ("from", "to", "reason"),
        ("class", "mode", "decision"),
        ("team", "state"),
        ("team", "budget"),
        ("team", "outcome"),
        ("operation", "outcome"),
    }
)
"""The only label sets there are; an empty team is the organisation."""

HTTP_SECONDS = (0.005, 0.025, 0.1, 0.25, 1.0, 5.0)
CALL_SECONDS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0)
JOB_SECONDS = (2, 5, 10, 20, 30, 60, 120, 180, 300, 600)
STORE_SECONDS = (0.0005, 0.001, 0.005, 0.025, 0.1, 1.0)
RENDER_RATIOS = (1, 4, 8, 16, 32)
POLLS = (1, 2, 3, 5, 8, 12, 20, 40, 80)
LAG_OF_DETECTION = (0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120)
LAG_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Kind(StrEnum):
    """What Prometheus calls the type of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `buckets` (upper bounds) only for histograms."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


def _counter(name: str, labels: tuple[str, ...], text: str) -> Metric:
    return Metric(name, Kind.COUNTER, labels, text)


def _gauge(name: str, labels: tuple[str, ...], text: str) -> Metric:
    return Metric(name, Kind.GAUGE, labels, text)


def _histogram(
    name: str, labels: tuple[str, ...], text: str, buckets: tuple[float, ...]
) -> Metric:
    return Metric(name, Kind.HISTOGRAM, labels, text, buckets)


_OFFER = ("provider", "model")
_ACCOUNT = ("provider", "account")

BUILD = _gauge("greenlight_build_info", (), "Always 1; the help text names the version.")

HTTP_REQUEST = _histogram(
    "greenlight_http_request_seconds",
    ("route", "method", "status"),
    "Time to answer HTTP requests, by route template.",
    HTTP_SECONDS,
)
LIMIT_DECISIONS = _counter(
    "greenlight_limit_decisions_total",
    ("class", "mode", "decision"),
    "Answers of token buckets, by route class.",
)

EVENT_STREAMS = _gauge(
    "greenlight_event_streams", (), "Streams of server-sent events that are open."
)
STALE_ANSWERS = _counter(
    "greenlight_stale_answers_total",
    (),
    "Videos told of, or sent, as they were last known, while the store was away.",
)

ADMISSIONS = _counter(
    "greenlight_admissions_total",
    ("team", "outcome"),
    "Creates: accepted, replayed, or why they were refused.",
)
JOBS = _gauge(
    "greenlight_jobs",
    ("team", "state"),
    "Unfinished jobs: queued, running, or of unknown outcome.",
)
JOBS_OLDEST = _gauge(
    "greenlight_jobs_oldest_age_seconds",
    ("team", "state"),
    "How long the oldest job has been queued, or of unknown outcome; of all teams.",
)
JOB_MOVES = _counter("greenlight_job_moves_total", (), "Changes of a job's state.")
JOBS_ENDED = _counter(
    "greenlight_jobs_ended_total", ("team", "outcome"), "Jobs that reached a terminal state."
)
JOB_LIFE = _histogram(
    "greenlight_job_seconds", (), "From admission to a terminal state.", JOB_SECONDS
)
QUEUE_WAIT = _histogram(
    "greenlight_queue_wait_seconds",
    (),
    "From an attempt's reservation to its submit.",
    JOB_SECONDS,
)
RENDER = _histogram(
    "greenlight_render_seconds",
    _OFFER,
    "From a provider's acceptance to the end of a completed job.",
    JOB_SECONDS,
)
RENDER_RATIO = _histogram(
    "greenlight_render_ratio",
    _OFFER,
    "Render seconds per second of a completed video.",
    RENDER_RATIOS,
)
DETECTION_LAG = _histogram(
    "greenlight_detection_lag_seconds",
    (),
    "At most so long after a provider ended an operation it was noticed.",
    LAG_OF_DETECTION,
)
POLLS_PER_JOB = _histogram(
    "greenlight_polls_per_job", (), "Status calls of an ended job's last attempt.", POLLS
)

PROVIDER_CALLS = _counter(
    "greenlight_provider_calls_total",
    ("provider", "model", "operation", "outcome"),
    "Calls to providers; outcome is ok or a kind of failure.",
)
PROVIDER_CALL = _histogram(
    "greenlight_provider_call_seconds",
    ("provider", "account", "model", "operation"),
    "Time that calls to providers took.",
    CALL_SECONDS,
)
UNCLASSIFIED = _counter(
    "greenlight_unclassified_failures_total",
    _OFFER,
    "Failures with a code that the adapter does not know.",
)
SLOTS_TAKEN = _counter(
    "greenlight_slots_taken_total", ("provider", "account"), "Slots leased to attempts."
)
SLOTS_USED = _gauge("greenlight_slots_used", ("provider", "account"), "Slots that attempts hold.")
WAITING = _gauge(
    "greenlight_jobs_waiting",
    ("provider", "account"),
    "Queued jobs that wait for a slot of a provider; the account is empty: any will do.",
)
SLOT_LIMIT = _gauge(
    "greenlight_slot_limit", ("provider", "account"), "Jobs an account may run at once."
)
FAILOVERS = _counter(
    "greenlight_failovers_total",
    ("from", "to", "reason"),
    "Jobs that went on at another candidate, by provider and reason.",
)
UNKNOWN_OUTCOMES = _counter(
    "greenlight_unknown_outcomes_total",
    _OFFER,
    "Submits of which nobody knows whether they were accepted.",
)
RENDER_FAILURES = _counter(
    "greenlight_render_failures_total",
    _OFFER,
    "Accepted jobs that a provider ended without a video.",
)
BREAKER_STATE = _gauge(
    "greenlight_breaker_state",
    ("provider", "account", "model", "operation"),
    "Circuit breakers: 0 closed, 1 half open, 2 open, 3 the model is gone.",
)
BREAKER_OPENINGS = _counter(
    "greenlight_breaker_openings_total",
    _ACCOUNT,
    "Times that a circuit breaker opened, or a model was said to be gone.",
)
BREAKER_PROBES = _counter(
    "greenlight_breaker_probes_total",
    _ACCOUNT,
    "Jobs that tried whether an account works again.",
)
DRAINED = _gauge(
    "greenlight_account_drained",
    _ACCOUNT,
    "Whether a person has stopped new jobs to an account (1).",
)
OFFER_OPEN = _gauge(
    "greenlight_offer_open",
    _OFFER,
    "Whether new videos may go to an offer (1), or it is unhealthy, drained or gone; of those with"
    " a price and credentials that are not retired.",
)
RETIREMENT = _gauge(
    "greenlight_offer_retirement_timestamp_seconds",
    _OFFER,
    "When an offer ends, or the earliest date its provider names.",
)

CALLBACKS = _counter(
    "greenlight_callbacks_total",
    ("provider", "model", "operation", "outcome"),
    "Callbacks of providers, by what became of them; the operation is callback.",
)

BUDGET_LIMIT = _gauge(
    "greenlight_budget_limit_usd", ("team", "budget"), "Limit of a budget in this period."
)
BUDGET_SPENT = _gauge(
    "greenlight_budget_spent_usd", ("team", "budget"), "Charged to a budget in this period."
)
BUDGET_RESERVED = _gauge(
    "greenlight_budget_reserved_usd", ("team", "budget"), "Held for unfinished attempts."
)
BUDGET_FORECAST = _gauge(
    "greenlight_budget_forecast_usd",
    ("team", "budget"),
    "What will be spent at the period's end on a straight line; absent in its first three days.",
)
BUDGET_WARNINGS = _counter(
    "greenlight_budget_warnings_total",
    ("team", "budget"),
    "Creates accepted beyond the limit of a budget that says allow.",
)
BUDGET_ALERTS = _counter(
    "greenlight_budget_alerts_total", (), "Levels of budgets that were reached, once in a period."
)
RESERVED_USD = _counter(
    "greenlight_reserved_usd_total", _OFFER, "Reserved, at admission and for further attempts."
)
CHARGED_USD = _counter("greenlight_charged_usd_total", _OFFER, "Charged for attempts.")
RELEASED_USD = _counter(
    "greenlight_released_usd_total", _OFFER, "Reserved, and given back uncharged."
)
OVERAGE_USD = _counter("greenlight_overage_usd_total", _OFFER, "Charged beyond what was reserved.")
REPORTED_USD = _counter(
    "greenlight_reported_usd_total", _OFFER, "Charged for videos by the provider's own figure."
)
QUOTED_USD = _counter(
    "greenlight_quoted_usd_total", _OFFER, "What the price book had said for these videos."
)
WASTED_USD = _counter(
    "greenlight_wasted_usd_total", _OFFER, "Charged for attempts that brought no video."
)
TEAM_CHARGED_USD = _counter(
    "greenlight_team_charged_usd_total",
    ("team", "outcome"),
    "Charged to a team: used for videos, or wasted.",
)

ARTIFACT_BYTES = _counter(
    "greenlight_artifact_bytes_total", _OFFER, "Bytes of videos fetched and stored."
)
ARTIFACT_STORE = _histogram(
    "greenlight_artifact_store_seconds",
    _OFFER,
    "Time to fetch a video and store it.",
    CALL_SECONDS,
)

NOTIFICATIONS = _counter(
    "greenlight_notifications_total",
    ("operation", "outcome"),
    "Sendings of notices to their receivers, by kind and what became of them.",
)

STORE_CALL = _histogram(
    "greenlight_store_call_seconds",
    ("operation", "outcome"),
    "Time that scripts and commands of the store took.",
    STORE_SECONDS,
)
ORPHANS = _counter(
    "greenlight_orphans_total",
    ("provider", "account"),
    "Tasks of vendors that no attempt explains, charged to nobody.",
)
ORPHANS_USD = _counter(
    "greenlight_orphans_usd_total", ("provider", "account"), "Charged to nobody for them."
)
ORPHAN_LOOKS = _counter(
    "greenlight_orphan_looks_total",
    ("operation", "outcome"),
    "Times that a vendor's list was looked through (list): ok, unpriced, or what stopped it.",
)
RESTORE_NEEDED = _gauge(
    "greenlight_restore_needed",
    (),
    "Whether the store lacks what the ledger's files hold (1): nothing is spent until restored.",
)
RECORDS_SET_ASIDE = _counter(
    "greenlight_records_set_aside_total",
    (),
    "Times that a job's record could not be read and was put off.",
)
UPKEEP_RUNS = _counter(
    "greenlight_upkeep_runs_total",
    ("operation", "outcome"),
    "Times that days were archived (archive), files swept (artifacts, inputs, leftovers) or"
    " records expired (records).",
)
UPKEEP_ITEMS = _counter(
    "greenlight_upkeep_items_total",
    ("operation", "outcome"),
    "Days archived, and files removed because their time was over.",
)
CHORE_FAILURES = _counter(
    "greenlight_background_failures_total",
    (),
    "Failures of background tasks, which begin again.",
)
WORKER_TURNS = _counter(
    "greenlight_worker_turns_total", (), "Times that a worker looked for what there is to do."
)
LEDGER_VERIFIED = _gauge(
    "greenlight_ledger_verified_timestamp_seconds",
    (),
    "When the ledger's laws were last proven, by whichever process.",
)
LEDGER_BROKEN = _gauge(
    "greenlight_ledger_violations",
    (),
    "What that proof found, the same in every process: anything but 0 is a mismatch.",
)
DISK_FREE = _gauge(
    "greenlight_disk_free_bytes", (), "Free space on the disk of videos and of what is spooled."
)
DISK_SIZE = _gauge("greenlight_disk_size_bytes", (), "Size of that disk.")
DECISIONS_LOST = _counter(
    "greenlight_decisions_lost_total",
    (),
    "Routing decisions that were dropped before they were on record.",
)
CONFIG_RELOADS = _counter(
    "greenlight_config_reloads_total", (), "Reloads of the configuration that were tried."
)
CONFIG_RELOAD_FAILURES = _counter(
    "greenlight_config_reload_failures_total", (), "Reloads that problems stopped."
)
CONFIG_SUCCESSFUL = _gauge(
    "greenlight_config_last_reload_successful", (), "Whether the last reload took effect (1)."
)
CONFIG_SUCCESS_TIME = _gauge(
    "greenlight_config_last_reload_success_timestamp_seconds",
    (),
    "When a configuration last took effect.",
)
LOOP_LAG = _histogram(
    "greenlight_event_loop_lag_seconds",
    (),
    "How late the event loop wakes a timer.",
    LAG_SECONDS,
)

METRICS: tuple[Metric, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Metric)
)
"""All of them, in the order above."""


DEBUG: tuple[Metric, ...] = (
    BUILD,
    RESERVED_USD,
    RELEASED_USD,
    RECORDS_SET_ASIDE,
    DECISIONS_LOST,
    BUDGET_ALERTS,
    CONFIG_RELOADS,
    CONFIG_RELOAD_FAILURES,
    CONFIG_SUCCESS_TIME,
)
"""Those that stand in no dashboard and no alert: for whoever looks for something in particular."""
