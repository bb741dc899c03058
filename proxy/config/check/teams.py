"""Findings about teams, keys and budgets that no file shows alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from proxy.config.check.names import Names
from proxy.config.compile.limits import compile_match
from proxy.config.compile.teams import BUILT_IN, compile_retention
from proxy.config.document import Path
from proxy.config.files import Files
from proxy.config.schema.limits import BudgetSection, MatchSection
from proxy.config.schema.policies import OrganisationSchema, RoutingSchema, TeamSchema
from proxy.config.schema.server import ServerSchema
from proxy.config.validate import Checked
from proxy.domain.policy import OnExceed

Owner = Checked[OrganisationSchema] | Checked[TeamSchema]


@dataclass(slots=True)
class _Seen:
    """Where each name that must be unique over all files was first used."""

    teams: dict[str, str] = field(default_factory=dict)
    key_ids: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)


def check_teams(files: Files, names: Names) -> None:
    """Report unknown names, repeated ids, and budgets that could never count anything."""
    if files.organisation.value is not None:
        _check_budgets(files.organisation, (), files.organisation.value.budgets, names)
    seen = _Seen()
    for team in files.teams:
        if team.value is None:
            continue
        where = team.document.file
        once(team, ("team",), team.value.team, seen=seen.teams, place=where)
        _check_use(team, team.value, names)
        if files.organisation.value is not None:
            _check_retention(team, team.value, files.organisation.value)
        _check_budgets(team, (), team.value.budgets, names)
        for index, key in team.value.keys.items():
            place = f"{where} ({key.name})"
            once(team, ("keys", index, "id"), key.id, seen=seen.key_ids, place=place)
            once(team, ("keys", index, "sha256"), key.sha256, seen=seen.hashes, place=place)
            _check_budgets(team, ("keys", index), key.budgets, names)


def once(
    checked: Checked[TeamSchema] | Checked[ServerSchema],
    path: Path,
    value: str,
    *,
    seen: dict[str, str],
    place: str,
) -> None:
    """Report a value that was seen before; a hash is not repeated in the message."""
    if value in seen:
        shown = "this hash" if path[-1] == "sha256" else value
        checked.report(path, f"{shown} is already used in {seen[value]}; allowed: a unique one")
    seen.setdefault(value, place)


def _check_use(checked: Checked[TeamSchema], team: TeamSchema, names: Names) -> None:
    for index, policy in team.use.policies.items():
        if policy not in names.policies:
            allowed = ", ".join(sorted(names.policies))
            message = f"unknown policy {policy}; allowed: {allowed}"
            checked.report(("use", "policies", index), message)
    for index, pattern in team.use.models.items():
        check_pattern(checked, ("use", "models", index), pattern, names.models)
    if team.use.default not in team.use.policies.values():
        allowed = ", ".join(team.use.policies.values())
        message = f"{team.use.default} is not one of use.policies; allowed: {allowed}"
        checked.report(("use", "default"), message)


def _check_retention(
    checked: Checked[TeamSchema], team: TeamSchema, organisation: OrganisationSchema
) -> None:
    """Refuse to keep a video longer than the record that leads to it."""
    retention = compile_retention(team, organisation.defaults, BUILT_IN)
    if retention.artifacts_s > retention.jobs_s:
        message = "artifacts would be kept longer than the jobs they belong to; allowed: as long"
        checked.report(("retention",), message)


def _check_budgets(
    owner: Owner, path: Path, budgets: Mapping[int, BudgetSection], names: Names
) -> None:
    ids: set[str] = set()
    accounts: dict[tuple[object, ...], str] = {}
    for index, budget in budgets.items():
        here: Path = (*path, "budgets", index)
        if budget.id in ids:
            message = f"{budget.id} is already a budget here; allowed: a unique id"
            owner.report((*here, "id"), message)
        ids.add(budget.id)
        match = compile_match(budget.match)
        is_soft = budget.on_exceed is OnExceed.ALLOW
        counted = match.canonical() if match else ""
        account = (budget.period, budget.start_day, counted, is_soft)
        if account in accounts:
            message = (
                f"limits the same spending as budget {accounts[account]} "
                "(same period and match); allowed: one limit, and one that only warns"
            )
            owner.report((*here, "period"), message)
        accounts.setdefault(account, budget.id)
        if budget.match is not None:
            _check_match(owner, (*here, "match"), budget.match, names)


def _check_match(owner: Owner, path: Path, match: MatchSection, names: Names) -> None:
    if match.model is not None:
        check_pattern(owner, (*path, "model"), match.model, names.models)
    if match.provider is not None:
        check_pattern(owner, (*path, "provider"), match.provider, names.providers)
    if match.policy is not None:
        check_pattern(owner, (*path, "policy"), match.policy, names.policies)


def check_pattern(
    owner: Owner | Checked[RoutingSchema], path: Path, pattern: str, known: Iterable[str]
) -> None:
    """Refuse what matches nothing: such a budget would never count, such a use never allow."""
    if not any(fnmatchcase(name, pattern) for name in known):
        allowed = ", ".join(sorted(known))
        owner.report(path, f"{pattern} matches nothing; allowed: a name or pattern of {allowed}")
