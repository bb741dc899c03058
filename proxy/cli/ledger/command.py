"""`greenlight ledger`: prove, show, export, reconcile, write off and restore."""

from pathlib import Path

import click

from proxy.cli.admin import admin_options, open_admin
from proxy.cli.api import Json
from proxy.cli.console import console, plain, table, usd
from proxy.cli.json_line import write_json
from proxy.cli.ledger.download import FORMATS, STANDARD_OUTPUT, Download, runs_until
from proxy.cli.ledger.entries_table import entries_table
from proxy.cli.ledger.invoice import is_settled, show_comparison, show_posted
from proxy.cli.ledger.orphans import orphans
from proxy.cli.ledger.restore import restore
from proxy.cli.span import BEGINNING, span_of, span_options
from proxy.cli.video import entries

_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Write the API's answer for machines."
)
_reason_option = click.option("--reason", help="Why; it stands in the ledger for good.")


@click.group()
def command() -> None:
    """Prove the ledger, show it, export it, and make it agree with invoices."""


command.add_command(orphans)
command.add_command(restore)


@command.command()
@_json_option
@admin_options
def verify(*, as_json: bool, admin_url: str, admin_token: str | None) -> int:
    """Prove that every balance is the sum of its entries, and the other laws of the ledger.

    Exit code 1 if one does not hold.
    """
    with console(is_error=True).status("reading the ledger"):
        answer = open_admin(admin_url, admin_token).get("/ledger/verify")
    violations = entries(answer.get("violations"))
    if as_json:
        write_json(answer)
    else:
        out = console()
        if violations:
            shown = table("law", "of", "what is wrong")
            for each in violations:
                shown.add_row(*(plain(each.get(name)) for name in ("law", "subject", "message")))
            out.print(shown)
        counts = (
            f"{answer.get('entries')} entries, {answer.get('balances')} balances, "
            f"{answer.get('open_attempts')} open attempts: "
        )
        out.print(counts + (f"{len(violations)} violations" if violations else "every law holds"))
    return 0 if answer.get("sound") is True else 1


@command.command()
@click.argument("job", required=False)
@click.option("--team", help="Of this team only.")
@click.option("--kind", help="Of this kind only, such as settle or adjust.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 1000))
@span_options
@_json_option
@admin_options
def show(
    *,
    job: str | None,
    team: str | None,
    kind: str | None,
    limit: int,
    period: str | None,
    since: str | None,
    until: str | None,
    timezone: str,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """Show entries, oldest first: this month's, or all of a JOB or an attempt."""
    if job and not period and not since:
        since = BEGINNING
    query = {"job": job, "team": team, "kind": kind, "limit": limit}
    span = span_of(period, since, until, timezone)
    answer = open_admin(admin_url, admin_token).get("/ledger", {**query, **span})
    if as_json:
        write_json(answer)
        return
    found = entries(answer.get("data"))
    if not found:
        click.echo(f"the ledger has no entry of {job}" if job else "no entries")
        return
    out = console()
    out.print(entries_table(found))
    if answer.get("has_more") is True:
        out.print("there are more: narrow the time, or raise --limit")


@command.command()
@click.option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    default="csv",
    show_default=True,
    help="Entries as csv or jsonl; charges as FOCUS rows.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Where to; - is standard output. Default: greenlight-<time>.<format>.",
)
@span_options
@_json_option
@admin_options
def export(
    *,
    format_name: str,
    output: Path | None,
    period: str | None,
    since: str | None,
    until: str | None,
    timezone: str,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> None:
    """Write the ledger of a time to a file, and a manifest beside it.

    The manifest holds rows, sum and SHA-256; the file is compared with it. A time that is over
    gives the same bytes whenever it is exported.
    """
    span = span_of(period, since, until, timezone)
    download = Download(open_admin(admin_url, admin_token), format_name, console(is_error=True))
    manifest = download.manifest(span)
    target = output or Path(download.name(period, manifest))
    download.save(manifest, target)
    if period and (end := runs_until(period, timezone, manifest)):
        told = f"{period} ends at {end}: export it again then, this holds what there is so far"
        click.echo(told, err=True)
    if as_json and str(target) != STANDARD_OUTPUT:
        write_json({**manifest, "file": str(target)})
        return
    said = f"{manifest.get('rows')} rows, {usd(manifest.get('spent'))} spent"
    click.echo(f"{target}: {said}, SHA-256 {manifest.get('sha256')}", err=True)


@command.command()
@click.argument("invoice", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--provider", help="Who sent it, if the file has no column for that.")
@click.option("--post", is_flag=True, help="Post what the ledger lacks; needs --reason.")
@_reason_option
@span_options
@_json_option
@admin_options
def reconcile(
    *,
    invoice: Path,
    provider: str | None,
    post: bool,
    reason: str | None,
    period: str | None,
    since: str | None,
    until: str | None,
    timezone: str,
    as_json: bool,
    admin_url: str,
    admin_token: str | None,
) -> int:
    """Compare a vendor's INVOICE, a CSV file, with the ledger.

    The time is what the invoice covers; without one, attempts that it does not name are passed
    over. Exit code 0 if nothing differs, 1 otherwise; with --post: afterwards.
    """
    body: Json = {"invoice": _text(invoice), "provider": provider}
    body |= span_of(period, since, until, timezone)
    admin = open_admin(admin_url, admin_token)
    if post and not reason:
        message = "--post needs --reason, which stands in the ledger"
        raise click.UsageError(message)
    with console(is_error=True).status("reading the ledger"):
        if post:
            answer = admin.post("/ledger/reconcile/post", {**body, "reason": reason})
        else:
            answer = admin.post("/ledger/reconcile", body)
    if as_json:
        write_json(answer)
    elif post:
        show_posted(console(), answer)
    else:
        show_comparison(console(), answer)
    return 0 if is_settled(answer.get("after") if post else answer) else 1


@command.command("write-off")
@click.argument("attempt")
@click.option("--reason", required=True, help="Why; it stands in the ledger for good.")
@_json_option
@admin_options
def write_off(
    *, attempt: str, reason: str, as_json: bool, admin_url: str, admin_token: str | None
) -> None:
    """Take what an ATTEMPT (a job's id with its number, such as video_...-1) cost off its team.

    The organisation keeps the cost.
    """
    body: Json = {"attempt": attempt, "reason": reason}
    answer = open_admin(admin_url, admin_token).post("/ledger/write_off", body)
    if as_json:
        write_json(answer)
    else:
        click.echo(f"{attempt}: {usd(answer.get('amount'))} taken off its team")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} can't be read: {error}"
        raise click.ClickException(message) from error
