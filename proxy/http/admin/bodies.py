"""The admin API's answers as JSON: money as decimal dollar strings, instants in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from proxy.domain.ids import attempt_id
from proxy.domain.instant import iso_ms
from proxy.domain.job import public_error, public_status
from proxy.domain.money import format_usd
from proxy.http.admin.endpoints import PREFIX
from proxy.http.render import current_candidate, policy_switch, route, size
from proxy.http.waits import queue_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from proxy.domain.ids import JobId
    from proxy.domain.job import Attempt, Job, JobError
    from proxy.domain.policy import ApiKey
    from proxy.domain.wait import Wait
    from proxy.gateway.admin.controls import KeyLine, Lifted, Target
    from proxy.gateway.admin.teams import TeamLine
    from proxy.gateway.ports.controls import Freeze, LiveOverride
    from proxy.gateway.ports.jobs import Page
    from proxy.gateway.ports.ledger import AuditEntry
    from proxy.http.admin.endpoints import AdminEndpoint
    from proxy.http.admin.services import ConfigState

Json = dict[str, object]


def list_body(data: Iterable[Json], **more: object) -> Json:
    """A list."""
    return {"object": "list", "data": list(data), **more}


def endpoint_body(endpoint: AdminEndpoint) -> Json:
    """A row of the table."""
    return {
        "object": "endpoint",
        "method": endpoint.method,
        "path": PREFIX + endpoint.path,
        "roles": list(endpoint.roles),
        "summary": endpoint.summary,
        "query": list(endpoint.query),
        "body": list(endpoint.body),
        "is_change": endpoint.is_change,
        "errors": list(endpoint.all_errors),
    }


def team_body(line: TeamLine) -> Json:
    """A team with its counts."""
    team, state = line.team, line.state
    return {
        "object": "team",
        "id": team.id,
        "cost_center": team.cost_center,
        "timezone": str(team.timezone),
        "weight": team.weight,
        "default": team.use.default,
        "keys": line.keys,
        "budgets": [budget.id for budget in team.budgets],
        "unfinished": state.open_jobs,
        "unfinished_max": team.queued,
        "running": state.running_jobs,
        "running_max": team.running,
        "frozen": state.frozen or None,
        "frozen_providers": sorted(state.frozen_providers),
    }


def override_body(live: LiveOverride) -> Json:
    """An override that lives."""
    return {
        "object": "override",
        "id": live.id,
        "team": live.team,
        "balance": live.balance,
        "amount": format_usd(live.micro_usd),
        "until": iso_ms(live.until_ms),
        **_by(live.change),
    }


def lifted_body(lifted: Lifted) -> Json:
    """An override that was made."""
    return {
        "object": "override",
        "id": lifted.id,
        "team": lifted.team,
        "balance": lifted.balance,
        "amount": format_usd(lifted.micro_usd),
        "total": format_usd(lifted.total_micro_usd),
        "until": iso_ms(lifted.until_ms),
    }


def freeze_body(freeze: Freeze) -> Json:
    """Something that is frozen."""
    frozen = {"object": "freeze", "team": freeze.team, "provider": freeze.provider}
    return {**frozen, "is_frozen": True, **_by(freeze.change)}


def frozen_body(target: Target, *, is_frozen: bool, is_changed: bool) -> Json:
    """What a freeze or a thaw came to."""
    return {
        "object": "freeze",
        "team": target.team,
        "provider": target.provider,
        "is_frozen": is_frozen,
        "changed": is_changed,
    }


def key_body(line: KeyLine) -> Json:
    """A key: what it may do, never its secret or the hash of it."""
    key = line.key
    return {
        "object": "key",
        "id": key.id,
        "name": key.name,
        "team": key.team,
        "scopes": sorted(key.scopes),
        "expires_at": _iso_s(key.expires_at_s),
        "budgets": [budget.id for budget in key.budgets],
        "revoked": line.is_revoked,
        "limit_mode": key.limit_mode.value,
        "refusals": line.refusals,
        "cooldown_until": None if line.cools_until_ms is None else iso_ms(line.cools_until_ms),
    }


def revoked_body(key: ApiKey, *, is_changed: bool) -> Json:
    """What a revocation came to."""
    named = {"object": "key", "id": key.id, "name": key.name, "team": key.team}
    return {**named, "revoked": True, "changed": is_changed}


def forgiven_body(key: ApiKey, *, is_changed: bool) -> Json:
    """What the end of a cool-down came to."""
    named = {"object": "key", "id": key.id, "name": key.name, "team": key.team}
    return {**named, "refusals": 0, "cooldown_until": None, "changed": is_changed}


def audit_body(entry: AuditEntry) -> Json:
    """A change by a person."""
    return {
        "object": "audit.entry",
        "id": entry.id,
        "action": entry.action,
        "target": entry.target,
        "before": entry.before,
        "after": entry.after,
        "operation": entry.operation,
        "role": entry.role,
        **_by(entry),
    }


def config_body(state: ConfigState) -> Json:
    """What one process has in force."""
    return {
        "object": "config.process",
        "process": state.process,
        "digest": state.digest,
        "loaded_at": iso_ms(state.loaded_ms),
        "warnings": list(state.warnings),
        "refused_at": None if state.refused_ms is None else iso_ms(state.refused_ms),
        "problems": list(state.problems),
    }


def jobs_body(page: Page, waits: Mapping[JobId, Wait]) -> Json:
    """A page of jobs, newest first, with what those that are queued wait for."""
    data = [job_line(job, waits.get(job.id)) for job in page.jobs]
    return list_body(data, has_more=page.has_more, last_id=page.last)


def job_line(job: Job, wait: Wait | None = None) -> Json:
    """A job in a list. What was asked for in words is its team's alone: no prompt is shown."""
    candidate = current_candidate(job)
    return {
        "object": "job",
        "id": job.id,
        "team": job.team,
        "key": job.key,
        "state": job.state.value,
        "status": public_status(job).value,
        "created_at": iso_ms(job.created_at_ms),
        "ended_at": None if job.ended_at_ms is None else iso_ms(job.ended_at_ms),
        "provider": candidate.provider,
        "model": candidate.model,
        "policy": job.plan.policy,
        "cancel_requested": job.cancel_requested,
        "deleted": job.is_deleted,
        "error": _error(public_error(job)),
        "reserved": format_usd(job.reserved_micro_usd),
        "charged": format_usd(job.charged_micro_usd) if job.is_settled else None,
        "queue": queue_body(job, wait),
    }


def job_body(job: Job, wait: Wait | None = None) -> Json:
    """Everything about one job but what was asked for in words."""
    candidate, work = current_candidate(job), job.work
    return {
        **job_line(job, wait),
        "requested_model": job.plan.requested_model,
        "policy_switch": policy_switch(job.plan),
        "seconds": candidate.shape.seconds,
        "size": size(candidate.shape),
        "progress": work.progress,
        "deadline_at": iso_ms(job.deadline_at_ms),
        "cost_center": job.cost_center or None,
        "metadata": dict(job.request.metadata),
        "snapshot": job.snapshot_digest,
        "stopped_by": job.stopped_by.value if job.stopped_by else None,
        "unknown_since": None if work.unknown_since_ms is None else iso_ms(work.unknown_since_ms),
        "look_ups": work.look_ups,
        "attempts": [_attempt(job, attempt) for attempt in job.attempts],
        "route": route(job),
    }


def _attempt(job: Job, attempt: Attempt) -> Json:
    candidate = job.plan.candidates[attempt.candidate]
    submitted_ms = attempt.submitted_at_ms
    return {
        "id": attempt_id(job.id, attempt.number),
        "number": attempt.number,
        "provider": candidate.provider,
        "account": attempt.account,
        "model": candidate.model,
        "price_id": candidate.price_id,
        "task": attempt.task_id,
        "money": attempt.resolution.value,
        "reserved": format_usd(attempt.reserved_micro_usd),
        "charged": (
            None if attempt.charged_micro_usd is None else format_usd(attempt.charged_micro_usd)
        ),
        "overage": format_usd(attempt.overage_micro_usd),
        "by": attempt.resolved_by,
        "reserved_at": iso_ms(attempt.reserved_at_ms),
        "submitted_at": None if submitted_ms is None else iso_ms(submitted_ms),
        "error": _error(attempt.error),
    }


def _by(change: AuditEntry) -> Json:
    return {"at": iso_ms(change.at_ms), "actor": change.actor, "reason": change.reason}


def _error(error: JobError | None) -> Json | None:
    return None if error is None else {"code": error.code, "message": error.message}


def _iso_s(at_s: float | None) -> str | None:
    if at_s is None:
        return None
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def configs_body(processes: Sequence[Json], **more: object) -> Json:
    """What every process has in force, and whether that is the same."""
    digests = {str(process["digest"]) for process in processes}
    same = {"object": "config", "uniform": len(digests) == 1}
    return {**same, **more, "processes": list(processes)}
