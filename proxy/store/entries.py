"""Entries of the ledger as the scripts write them into the stream, and back.

The facts of an entry are lines in the order of `FACTS`; empty ones at the end are left out. The
first are a job's, the next an offer's, the next an attempt's, the last a person's.
"""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.ids import TeamId
from proxy.domain.ledger import Charge, Entry, EntryKind, is_of_organisation
from proxy.domain.policy import ORGANISATION
from proxy.store.packing import json_text, padded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.job import Attempt, Job
    from proxy.domain.plan import Candidate

TEAM_OWNER, ORGANISATION_OWNER = "T", "O"
DIGEST_CHARS = 16
FACTS = (
    "team", "key", "policy", "cost_center", "metadata", "snapshot_digest",
    "provider", "model", "price_id",
    "account", "by", "seconds", "resolution", "task", "outcome",
    "actor", "reason", "amount_micro_usd", "until_ms",
)  # fmt: skip
_ESCAPED = re.compile(r"\\(.)")


def job_facts(job: Job) -> str:
    """What every entry of a job says: team, key, policy, cost centre, metadata, snapshot."""
    metadata = job.request.metadata
    return _lines(
        job.team,
        job.key,
        job.plan.policy,
        job.cost_center,
        json_text(dict(metadata)) if metadata else "",
        job.snapshot_digest[:DIGEST_CHARS],
    )


def offer_facts(candidate: Candidate) -> str:
    """What an entry says about an offer: provider, model, price."""
    return _lines(candidate.provider, candidate.model, candidate.price_id)


def attempt_facts(job: Job, attempt: Attempt, *, by: str) -> str:
    """What the entries that resolve an attempt say, up to the vendor's task."""
    offer = job.plan.candidates[attempt.candidate]
    shape = offer.shape
    own = _lines(
        attempt.account or "", by, str(shape.seconds), shape.resolution, attempt.task_id or ""
    )
    return "\n".join((job_facts(job), offer_facts(offer), own))


def person_facts(actor: str, reason: str) -> str:
    """The facts that follow an attempt's when a person changed something, with their separator."""
    return "\n" + _lines(actor, reason)


def facts_text(team: str, charge: Charge, *, actor: str, reason: str) -> str:
    """All facts of an entry up to the reason."""
    metadata = dict(charge.metadata)
    return _lines(
        team,
        charge.key,
        charge.policy,
        charge.cost_center,
        json_text(metadata) if metadata else "",
        charge.snapshot_digest,
        charge.provider,
        charge.model,
        charge.price_id,
        charge.account,
        charge.by,
        str(charge.seconds) if charge.seconds else "",
        charge.resolution,
        charge.task,
        charge.outcome,
        actor,
        reason,
    )


def entry_of(entry_id: str, fields: Mapping[str, bytes]) -> Entry:
    """Build an entry from the fields of the stream."""
    lines = fields["facts"].decode().split("\n")
    facts = dict(zip(FACTS, padded([_plain(line) for line in lines], len(FACTS)), strict=True))
    team = facts["team"] or ""
    owned = filter(None, fields["balances"].decode().split("\n"))
    return Entry(
        id=entry_id,
        kind=EntryKind(fields["kind"].decode()),
        operation=fields["op"].decode(),
        attempt=fields["attempt"].decode(),
        team=team,
        balances=tuple(full_name(TeamId(team), name) for name in owned),
        reserved_micro_usd=int(fields["reserved"]),
        spent_micro_usd=int(fields["spent"]),
        charge=_charge(facts),
        actor=facts["actor"] or "",
        reason=facts["reason"] or "",
        amount_micro_usd=int(facts["amount_micro_usd"] or 0),
        until_ms=int(facts["until_ms"] or 0),
    )


def short_name(team: TeamId, name: str) -> str:
    """A balance's name without what the hash it lies in says already.

    "team:marketing|month|2026-11" is "|month|2026-11" there, a key's balance keeps its scope.
    """
    for scope in (f"team:{team}", ORGANISATION):
        if name.startswith((f"{scope}|", f"{scope}{{")):
            return name.removeprefix(scope)
    return name


def owned_name(team: TeamId, name: str) -> str:
    """A balance's short name behind its owner's letter, as reservations and entries hold it."""
    owner = ORGANISATION_OWNER if is_of_organisation(name) else TEAM_OWNER
    return owner + short_name(team, name)


def full_name(team: TeamId, name: str) -> str:
    """A balance's name from its owner's letter and its short name."""
    owner, short = name[0], name[1:]
    if not short.startswith(("|", "{")):
        return short
    return (f"team:{team}" if owner == TEAM_OWNER else ORGANISATION) + short


def _charge(facts: Mapping[str, str | None]) -> Charge:
    metadata = facts["metadata"]
    return Charge(
        key=facts["key"] or "",
        policy=facts["policy"] or "",
        provider=facts["provider"] or "",
        account=facts["account"] or "",
        model=facts["model"] or "",
        price_id=facts["price_id"] or "",
        snapshot_digest=facts["snapshot_digest"] or "",
        by=facts["by"] or "",
        cost_center=facts["cost_center"] or "",
        seconds=int(facts["seconds"] or 0),
        resolution=facts["resolution"] or "",
        outcome=facts["outcome"] or "",
        task=facts["task"] or "",
        metadata=MappingProxyType(json.loads(metadata) if metadata else {}),
    )


def _lines(*values: str) -> str:
    return "\n".join(map(_line, values))


def _line(value: str) -> str:
    if "\\" in value or "\n" in value:
        return value.replace("\\", "\\\\").replace("\n", "\\n")
    return value


def _plain(line: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], line)
