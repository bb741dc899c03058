"""`greenlight ledger restore`: put a store that was lost right again from the ledger's files."""

import click
from rich.console import Console

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.api import Json
from proxy.cli.change import moment
from proxy.cli.console import console, plain, table, usd
from proxy.cli.json_line import write_json
from proxy.cli.video import entries

_SHOWN_MAX = 40
_STORES = {
    "whole": "knows all that the ledger's files hold",
    "empty": "was lost: it knows nothing of the ledger's files",
    "older": "is an older copy: the ledger's files know more",
}
_SET_AGAIN = {
    "freezes": "freezes (greenlight freeze)",
    "drains": "drains (greenlight providers drain)",
    "revoked_keys": "revoked keys (greenlight keys revoke)",
}


@click.command()
@click.option("--apply", "is_applied", is_flag=True, help="Do it; needs --reason.")
@click.option(
    "--open",
    "outlook",
    type=click.Choice(("charge", "release")),
    help="What becomes of attempts that are open and whose jobs are gone.",
)
@click.option(
    "--queued",
    type=click.Choice(("keep", "end")),
    help="What becomes of queued jobs: of an older copy, they may have been bought since.",
)
@click.option("--reason", help="Why; it stands in the ledger and the audit for good.")
@click.option("--json", "as_json", is_flag=True, help="Write the API's answer for machines.")
@admin_options
def restore(
    *,
    is_applied: bool,
    outlook: str | None,
    queued: str | None,
    reason: str | None,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> int:
    """After the loss of the store: have it know again what the ledger's files hold.

    Without --apply nothing is changed, and it is told what would be. Exit code 1 if there is
    something to restore, 0 if not, or if it was done.
    """
    if is_applied and not reason:
        message = "--apply needs --reason, which stands in the ledger"
        raise click.UsageError(message)
    if not is_applied and (outlook or queued):
        message = "--open and --queued decide something: they need --apply"
        raise click.UsageError(message)
    admin = open_admin(admin_url, admin_token)
    with console(is_error=True).status("reading the ledger"):
        if is_applied:
            body: Json = {"open": outlook, "queued": queued, "reason": reason}
            answer = admin.post("/ledger/restore", body)
        else:
            answer = admin.get("/ledger/restore")
    if as_json:
        write_json(answer)
    else:
        _show(console(), answer)
    return 1 if answer.get("needed") is True and not is_applied else 0


def _show(out: Console, answer: Json) -> None:
    is_applied = answer.get("applied") is True
    _show_store(out, answer)
    balances = _object(answer, "balances")
    differing = entries(balances.get("differing"))
    said = "were set right" if is_applied else "differ from their entries"
    out.print(plain(f"balances    {balances.get('count')}, {len(differing)} {said}"))
    _show_balances(out, differing)
    overrides = entries(answer.get("overrides"))
    if overrides:
        out.print(plain(f"overrides   {len(overrides)} live by the ledger"))
    _show_attempts(out, entries(answer.get("attempts")), is_applied=is_applied)
    _show_jobs(out, answer, is_applied=is_applied)
    unknown = answer.get("unknown")
    names = unknown if isinstance(unknown, list) else []
    named = [_SET_AGAIN.get(str(name), str(name)) for name in names]
    if named:
        out.print(plain(f"set again   {', '.join(named)}: no file holds them"))
    if is_applied:
        out.print("restored: now prove it with greenlight ledger verify")
    elif answer.get("needed") is True:
        out.print("nothing was changed; --apply --reason does it")
    else:
        out.print("there is nothing to restore")


def _show_store(out: Console, answer: Json) -> None:
    store, files = str(answer.get("store")), _object(answer, "files")
    out.print(plain(f"store       {_STORES.get(store, store)}"))
    days = f"{files.get('days')} days"
    if files.get("first"):
        days += f", {files.get('first')} to {files.get('last')}"
    out.print(plain(f"files       {days}"))
    last = moment(answer.get("last_entry_at")) or "none"
    out.print(plain(f"entries     {answer.get('entries')}, the last one of {last}"))
    lost = answer.get("lost")
    if isinstance(lost, dict):
        span = f"from {moment(lost.get('since'))} to {moment(lost.get('until'))}"
        out.print(plain(f"lost        whatever was entered {span}"), style="red")


def _show_balances(out: Console, differing: list[Json]) -> None:
    if not differing:
        return
    shown = table(
        *("balance", "spent", "held", "in the store", "held there"),
        right=("spent", "held", "in the store", "held there"),
    )
    for each in differing[:_SHOWN_MAX]:
        amounts = (each.get(name) for name in ("spent", "held", "stored_spent", "stored_held"))
        shown.add_row(plain(each.get("balance")), *map(usd, amounts))
    out.print(shown)
    _show_more(out, differing)


def _show_attempts(out: Console, attempts: list[Json], *, is_applied: bool) -> None:
    if not attempts:
        return
    said = "ended" if is_applied else "open, their jobs are gone: --open charge or release"
    out.print(plain(f"attempts    {len(attempts)} {said}"))
    shown = table("attempt", "team", "provider", "reserved", "held", "charged", right=("held",))
    for each in attempts[:_SHOWN_MAX]:
        shown.add_row(
            *(plain(each.get(name)) for name in ("attempt", "team", "provider")),
            moment(each.get("reserved_at")),
            usd(each.get("held")),
            usd(each.get("charged")),
        )
    out.print(shown)
    _show_more(out, attempts)


def _show_jobs(out: Console, answer: Json, *, is_applied: bool) -> None:
    overtaken, queued = entries(answer.get("overtaken")), entries(answer.get("queued"))
    if overtaken:
        out.print(plain(f"jobs        {len(overtaken)} that ended after the copy was made"))
    if queued:
        out.print(plain(f"queued      {len(queued)} jobs"))
        if answer.get("store") == "older" and not is_applied:
            out.print("            they may have been bought since: --queued keep or end")
    ended = answer.get("ended")
    if isinstance(ended, list) and ended:
        out.print(plain(f"ended       {len(ended)} jobs"))


def _show_more(out: Console, found: list[Json]) -> None:
    if len(found) > _SHOWN_MAX:
        out.print(f"and {len(found) - _SHOWN_MAX} more; --json has all of them")


def _object(answer: Json, name: str) -> Json:
    value = answer.get(name)
    return value if isinstance(value, dict) else {}
