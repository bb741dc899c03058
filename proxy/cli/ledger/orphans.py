"""`greenlight ledger orphans`: what vendors have made for us and no attempt explains."""

import click
from rich.console import Console

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.api import Json
from proxy.cli.change import moment
from proxy.cli.console import console, plain, table, usd
from proxy.cli.json_line import write_json
from proxy.cli.video import entries


@click.command()
@click.option("--provider", help="At this provider only.")
@click.option("--since", help="Begun since a date or instant. Default: as `orphans.back` says.")
@click.option("--post", is_flag=True, help="Charge them to nobody; needs --reason.")
@click.option("--reason", help="Why; it stands in the ledger for good.")
@click.option("--json", "as_json", is_flag=True, help="Write the API's answer for machines.")
@admin_options
def orphans(
    *,
    provider: str | None,
    since: str | None,
    post: bool,
    reason: str | None,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> int:
    """Ask the vendors that can list their tasks for those that no attempt explains.

    Exit code 0 if there are none, or all were charged; else 1.
    """
    if post and not reason:
        message = "--post needs --reason, which stands in the ledger"
        raise click.UsageError(message)
    admin, wanted = open_admin(admin_url, admin_token), {"provider": provider, "since": since}
    with console(is_error=True).status("asking the vendors"):
        if post:
            answer = admin.post("/ledger/orphans", {**wanted, "reason": reason})
        else:
            answer = admin.get("/ledger/orphans", wanted)
    accounts = entries(answer.get("accounts"))
    if as_json:
        write_json(answer)
    else:
        _show(console(), accounts)
    return int(any(_is_left(account) for account in accounts))


def _is_left(account: Json) -> bool:
    """Say whether something is left to do: a list that was not read, an orphan not charged."""
    found = entries(account.get("orphans"))
    return bool(account.get("failure")) or any(
        not each.get("entry") and each.get("refused") != "stale" for each in found
    )


def _show(out: Console, accounts: list[Json]) -> None:
    if not accounts:
        out.print("no account is looked at: accounts[].orphans in config.yaml says which are")
    for account in accounts:
        name = f"{account.get('provider')}/{account.get('account')}"
        if account.get("failure"):
            out.print(plain(f"{name}: the list could not be read, {account.get('failure')}"))
            continue
        found = entries(account.get("orphans"))
        counts = (
            f"{account.get('listed')} listed, {len(found)} unexplained,"
            f" {len(entries(account.get('pending')))} more at work"
        )
        if account.get("strangers"):
            counts += f", {account.get('strangers')} not of ours by the rule {account.get('rule')}"
        out.print(plain(f"{name}: {counts}"))
        if found:
            _show_orphans(out, found)


def _show_orphans(out: Console, found: list[Json]) -> None:
    shown = table("task", "attempt", "begun", "status", "amount", "charged", right=("amount",))
    for each in found:
        charged = "yes" if each.get("entry") else each.get("refused") or ""
        shown.add_row(
            plain(each.get("task")),
            plain(each.get("external_id")),
            moment(each.get("created_at")),
            plain(each.get("status")),
            usd(each.get("amount")),
            plain("before" if charged == "stale" else charged),
        )
    out.print(shown)
