"""Jobs of every team, for administrators: listed, shown, cancelled, decided."""

import click

from proxy.cli.admin import Admin, open_admin
from proxy.cli.api import Json
from proxy.cli.change import DOLLARS, change_options, dollars, in_path, moment
from proxy.cli.console import console, plain, table, usd
from proxy.cli.json_line import write_json
from proxy.cli.offers import offers_table
from proxy.cli.video import entries, place_text, waits_text

STATES = (
    "queued", "submitting", "running", "storing", "unknown", "completed", "failed", "cancelled",
)  # fmt: skip


def list_all(admin: Admin, query: Json, *, as_json: bool) -> None:
    """Show a page of jobs of every team."""
    answer = admin.get("/jobs", query)
    if as_json:
        write_json(answer)
        return
    shown = table("id", "team", "state", "offer", "cost", "created", right=("cost",))
    for job in entries(answer.get("data")):
        shown.add_row(
            plain(job.get("id")),
            plain(job.get("team")),
            plain(" ".join(filter(None, (_state(job), place_text(job.get("queue")))))),
            plain(f"{job.get('provider')} {job.get('model')}"),
            _cost(job),
            moment(job.get("created_at")),
        )
    out = console()
    out.print(shown)
    if answer.get("has_more") is True:
        out.print(plain(f"more: --after {answer.get('last_id')}"))


def show_one(admin: Admin, job_id: str, *, as_json: bool) -> None:
    """Show all about a job of any team but what was asked for in words."""
    job = admin.get(f"/jobs/{in_path(job_id)}")
    if as_json:
        write_json(job)
    else:
        _show(job)


def _show(job: Json) -> None:
    out = console()
    error = job.get("error")
    facts = {
        "job": job.get("id"),
        "team": f"{job.get('team')}, key {job.get('key')}",
        "state": f"{_state(job)} {waits_text(job.get('queue'))}".strip(),
        "made by": f"{job.get('provider')}, model {job.get('model')}",
        "policy": job.get("policy"),
        "video": f"{job.get('seconds')} s, {job.get('size')}",
        "cost": _cost(job),
        "error": f"{error['code']}: {error['message']}" if isinstance(error, dict) else None,
        "stopped by": job.get("stopped_by"),
        "created": moment(job.get("created_at")),
    }
    for name, value in facts.items():
        if value:
            out.print(plain(f"{name:<12}{value}"), soft_wrap=True)
    shown = table(
        "attempt", "offer", "account", "task", "money", "amount", "by", right=("amount",)
    )
    for attempt in entries(job.get("attempts")):
        shown.add_row(
            str(attempt.get("number")),
            plain(f"{attempt.get('provider')} {attempt.get('model')}"),
            plain(attempt.get("account")),
            plain(attempt.get("task")),
            plain(attempt.get("money")),
            _cost(attempt),
            plain(attempt.get("by")),
        )
    out.print()
    out.print(shown)
    out.print()
    out.print("what was considered")
    out.print(offers_table(entries(job.get("route"))))


def _state(job: Json) -> str:
    return f"{job.get('state')}{' (cancel)' if job.get('cancel_requested') else ''}"


def _cost(money: Json) -> str:
    charged = money.get("charged")
    return usd(charged) if charged is not None else f"({usd(money.get('reserved'))})"


@click.command()
@click.argument("job")
@change_options
def cancel(
    *, job: str, reason: str, as_json: bool, admin_url: str, admin_token: str | None
) -> None:
    """Cancel a JOB of any team, by the admin listener."""
    path = f"/jobs/{in_path(job)}/cancel"
    answer = open_admin(admin_url, admin_token).post(path, {"reason": reason})
    _report(answer, as_json=as_json)


@click.command()
@click.argument("job")
@click.option(
    "--outcome",
    required=True,
    type=click.Choice(("charged", "released")),
    help="Whether the provider charges for it.",
)
@click.option("--amount", help=f"What it cost. Default: what was reserved. {DOLLARS}")
@change_options
def resolve(
    *,
    job: str,
    outcome: str,
    amount: str | None,
    reason: str,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """Decide what became of a JOB whose outcome is unknown, by the admin listener."""
    body: Json = {"outcome": outcome, "amount": dollars(amount), "reason": reason}
    path = f"/jobs/{in_path(job)}/resolve"
    _report(open_admin(admin_url, admin_token).post(path, body), as_json=as_json)


def _report(job: Json, *, as_json: bool) -> None:
    if as_json:
        write_json(job)
        return
    asked = ", a cancel is asked for" if job.get("cancel_requested") else ""
    state = job.get("state")
    click.echo(f"{job.get('id')}: {state}{asked if state != 'cancelled' else ''}, {_cost(job)}")
