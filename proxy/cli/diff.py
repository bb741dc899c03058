"""`greenlight diff`: what a change of the files does, also to money already spent or held."""

from pathlib import Path

import click

from proxy.cli.admin import Admin, admin_options, open_admin
from proxy.cli.api import Json
from proxy.cli.configuration import errors_in, load_now
from proxy.cli.console import console
from proxy.cli.diff_view import show
from proxy.cli.json_line import write_json
from proxy.cli.video import entries
from proxy.config.problem import ConfigError
from proxy.domain.effective import Change, changes
from proxy.domain.limits_changed import (
    AccountChange,
    Committed,
    account_changes,
    budgets_by_account,
)
from proxy.domain.money import format_usd, parse_signed_usd
from proxy.domain.policy import Budget, Snapshot

EXIT_SHORT, EXIT_BAD = 1, 2
ASKED_AT_ONCE = 500
"""Accounts in one question; the listener takes some more."""


@click.command()
@click.argument("old", type=click.Path(path_type=Path, exists=True))
@click.argument("new", type=click.Path(path_type=Path, exists=True))
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object for machines.")
@admin_options
def command(
    *, old: Path, new: Path, as_json: bool, admin_url: str, admin_token: str | None
) -> int:
    """Show what a change of the configuration does to every team.

    OLD and NEW are config.yaml files, or folders that hold one. With an admin token it is also
    said what is spent and held on each account, and what a new one would open with. Exit code 0:
    no limit falls below that; 1: one does; 2: one of the two is not usable.
    """
    before, after = _snapshot(old), _snapshot(new)
    if before is None or after is None:
        return EXIT_BAD
    committed = {}
    if admin_token:
        admin = open_admin(admin_url, admin_token)
        committed = would_hold(admin, before, after) | committed_now(admin)
    accounts = account_changes(before, after, committed)
    settings = changes(before, after)
    if as_json:
        write_json(_body(accounts, settings))
    else:
        show(console(), accounts, settings, is_known=admin_token is not None)
    return EXIT_SHORT if any(account.falls_short for account in accounts) else 0


def committed_now(admin: Admin) -> dict[str, Committed]:
    """What is spent and held on every account in its current period."""
    return _held(admin.get("/budgets"))


def would_hold(admin: Admin, before: Snapshot, after: Snapshot) -> dict[str, Committed]:
    """What the ledger holds for every account that a change opens."""
    old, new = budgets_by_account(before), budgets_by_account(after)
    opened = [name for name in new if name not in old]
    held: dict[str, Committed] = {}
    for first in range(0, len(opened), ASKED_AT_ONCE):
        some = opened[first : first + ASKED_AT_ONCE]
        zones: Json = {name: str(new[name][0].timezone) for name in some}
        held |= _held(admin.post("/budgets/preview", {"accounts": zones}))
    return held


def _held(answer: Json) -> dict[str, Committed]:
    return {
        str(budget.get("account")): Committed(
            spent_micro_usd=parse_signed_usd(str(budget.get("spent"))),
            reserved_micro_usd=parse_signed_usd(str(budget.get("reserved"))),
        )
        for budget in entries(answer.get("data"))
    }


def _snapshot(path: Path) -> Snapshot | None:
    """Read one side; what is wrong with it goes to standard error."""
    try:
        return load_now(path / "config.yaml" if path.is_dir() else path, None).snapshot
    except ConfigError as error:
        for problem in errors_in(error.problems):
            click.echo(problem.render(), err=True)
        return None


def _body(accounts: tuple[AccountChange, ...], settings: tuple[Change, ...]) -> Json:
    return {
        "accounts": [
            {
                "account": change.account,
                "fate": change.fate.value,
                "before": _budget(change.before),
                "after": _budget(change.after),
                **_committed(change.committed),
                "falls_short": change.falls_short,
            }
            for change in accounts
        ],
        "settings": [
            {
                "where": change.where,
                "setting": change.setting,
                "before": change.before,
                "after": change.after,
            }
            for change in settings
        ],
    }


def _budget(budget: Budget | None) -> Json | None:
    if budget is None:
        return None
    return {
        "budget": budget.id,
        "limit": format_usd(budget.limit_micro_usd),
        "alert_at": list(budget.alert_at_percent),
        "on_exceed": budget.on_exceed.value,
        "timezone": str(budget.timezone),
    }


def _committed(money: Committed | None) -> Json:
    if money is None:
        return {"spent": None, "reserved": None}
    return {
        "spent": format_usd(money.spent_micro_usd),
        "reserved": format_usd(money.reserved_micro_usd),
    }
