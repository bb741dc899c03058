"""What `greenlight diff` shows to people."""

from rich.console import Console
from rich.table import Table

from proxy.cli.console import plain, table, usd
from proxy.domain.effective import Change
from proxy.domain.limits_changed import AccountChange, Fate, is_soft
from proxy.domain.money import format_usd
from proxy.domain.policy import Budget

_FATES = {
    Fate.KEPT: "goes on",
    Fate.OPENED: "opens with what the ledger holds",
    Fate.CLOSED: "limits no more",
}


def show(
    out: Console,
    accounts: tuple[AccountChange, ...],
    settings: tuple[Change, ...],
    *,
    is_known: bool,
) -> None:
    """Show accounts, then settings, then what to beware of."""
    if not accounts and not settings:
        out.print("nothing changes")
    if accounts:
        out.print(_accounts_table(accounts, is_known=is_known))
        for change in accounts:
            for line in _words(change):
                out.print(plain(f"{change.account}: {line}"))
        out.print()
    if settings:
        out.print(_settings_table(settings))
        out.print()
    short = [change.account for change in accounts if change.falls_short]
    if short:
        out.print(plain(f"below what is spent and held: {', '.join(short)}"), style="red")
    if accounts and not is_known:
        out.print("what is spent and held was not asked for: GREENLIGHT_ADMIN_TOKEN is not set")


def _accounts_table(accounts: tuple[AccountChange, ...], *, is_known: bool) -> Table:
    held = ("spent", "held") if is_known else ()
    right = ("before", "after", *held)
    shown = table("account", *right, "then it", right=right)
    for change in accounts:
        mark = "is too low" if change.falls_short else _FATES[change.fate]
        budget = change.after or change.before
        if budget is not None and is_soft(budget):
            mark += ", warns only"
        shown.add_row(
            plain(change.account),
            _limit(change.before),
            _limit(change.after),
            *(_committed(change) if is_known else ()),
            plain(mark),
            style="red" if change.falls_short else "",
        )
    return shown


def _settings_table(settings: tuple[Change, ...]) -> Table:
    shown = table("what", "setting", "before", "after")
    for change in settings:
        shown.add_row(
            plain(change.where), plain(change.setting), plain(change.before), plain(change.after)
        )
    return shown


def _words(change: AccountChange) -> list[str]:
    """What differs in a budget beside its limit."""
    before, after = change.before, change.after
    if before is None or after is None:
        return []
    pairs = (
        ("id", before.id, after.id),
        ("alert_at", _percents(before), _percents(after)),
        ("on_exceed", before.on_exceed.value, after.on_exceed.value),
        ("timezone, from the next period on", str(before.timezone), str(after.timezone)),
    )
    return [
        f"{name}: {was or 'none'} -> {will or 'none'}" for name, was, will in pairs if was != will
    ]


def _percents(budget: Budget) -> str:
    return ", ".join(f"{percent}%" for percent in budget.alert_at_percent)


def _limit(budget: Budget | None) -> str:
    return "-" if budget is None else _dollars(budget.limit_micro_usd)


def _committed(change: AccountChange) -> tuple[str, str]:
    money = change.committed
    if money is None:
        return "-", "-"
    return _dollars(money.spent_micro_usd), _dollars(money.reserved_micro_usd)


def _dollars(micro_usd: int) -> str:
    return usd(format_usd(micro_usd))
