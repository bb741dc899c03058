"""Accounts that come and go, for the machine that works on the store and on its model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import rule

from proxy.domain.ids import TeamId
from proxy.domain.ledger import Charge, EntryKind
from proxy.domain.takeover import Takeover
from proxy.gateway.ports.accounts import Opened
from proxy.gateway.ports.ledger import NotPosted
from proxy.store.registry import RedisAccountRegistry
from tests.store.money_bench import TEAMS, Bench
from tests.store.money_model import Orphan, late_balances_of

if TYPE_CHECKING:
    from proxy.domain.balance import Balance
    from proxy.domain.ledger import Entry
    from proxy.gateway.ports.accounts import Registered

UNATTRIBUTED = "unattributed|month|e0"
MOVES = (EntryKind.RESERVE, EntryKind.ADJUST, EntryKind.WRITE_OFF, EntryKind.UNATTRIBUTED)
picks = st.integers(0, 999)


class Accounts(Bench):
    """Opens, closes and rezones accounts as the gateway does."""

    @property
    def registry(self) -> RedisAccountRegistry:
        return RedisAccountRegistry(self.client, self.store.keys)

    def known(self, account: str) -> Registered | None:
        return self.do(self.registry.registered()).get(account)

    def late(self, who: int, which: int) -> tuple[TeamId | None, Balance]:
        """One of the budgets that come and go, and whose it is."""
        team = TEAMS[who % 2]
        balances = late_balances_of(team, self.key(team, who), self.epoch, self.epoch_start_ms)
        balance = balances[which % len(balances)]
        return None if balance.is_organisation else team, balance

    def an_orphan(self) -> Orphan:
        """What nobody explains, as it would be charged now."""
        _, shared = self.late(0, 3)
        late = (shared.name,) if self.model.is_open(shared.account) else ()
        names = (f"org|month|e{self.epoch}", *late, UNATTRIBUTED)
        return Orphan(names, self.epoch, self.model.entries + 1)

    def something_happens(self, who: int) -> None:
        """What the world does while somebody reads the ledger."""

    @rule(who=picks, which=picks, is_slow=st.booleans())
    def open_account(self, who: int, which: int, is_slow: bool) -> None:
        team, balance = self.late(who, which)
        takeover, known = Takeover(balance), self.known(balance.account)
        read = self.do(self.entries())
        for entry in read:
            takeover.add(entry)
        has_moved = False
        if is_slow:
            self.something_happens(who)
            since = self.do(self.entries())[len(read) :]
            has_moved = any(moves(entry, team) for entry in since)
        opened = self.do(
            self.registry.open(
                balance.account,
                team,
                takeover,
                timezone="UTC",
                as_of=read[-1].id if read else "",
                known=known,
            )
        )
        if self.model.is_open(balance.account):
            assert Opened.BEFORE is opened
        elif has_moved:
            assert Opened.STALE is opened
        else:
            assert Opened.NOW is opened
            self.model.open(balance, self.epoch)
            self.tape.append(self.client.last)

    @rule(who=picks, which=picks, is_late=st.booleans())
    def close_account(self, who: int, which: int, is_late: bool) -> None:
        _, balance = self.late(who, which)
        known = self.known(balance.account)
        if known is None:
            self.open_account(who, which, False)
            return
        if is_late:  # somebody else opened it again since
            known = replace(known, operation="another")
        self.do(self.registry.close({balance.account: known}))
        self.tape.append(self.client.last)
        if not is_late:
            self.model.closed.add(balance.account)

    @rule(who=picks, which=picks, zone=st.sampled_from(["UTC", "Asia/Tokyo", "Etc/GMT+12"]))
    def rezone_account(self, who: int, which: int, zone: str) -> None:
        _, balance = self.late(who, which)
        known = self.known(balance.account)
        if known is None:
            self.open_account(who, which, False)
            return
        following = replace(known, timezone=zone, before=known.timezone, until_ms=self.number)
        self.do(self.registry.rezone(balance.account, known, following))
        self.tape.append(self.client.last)
        self.store.ledger.openings.forget()  # as in a process that was started since
        assert (known if known.is_closed else following) == self.known(balance.account)

    @rule(which=picks, delta=st.integers(-4, 9), is_stale=st.booleans())
    def charge_nobody(self, which: int, delta: int, is_stale: bool) -> None:
        task = f"t-{which % 3}-{self.epoch}"
        is_stale = is_stale and task in self.model.tasks
        # What is taken back is taken from where it was put.
        orphan = self.model.tasks.get(task) or self.an_orphan()
        delta = max(delta, -orphan.amount)
        result = self.do(
            self.store.ledger.unattributed(
                Charge(provider="kling", account="x", task=task),
                delta,
                self.mandate(),
                known_micro_usd=orphan.amount + is_stale,
                balances=orphan.names,
                first_id=orphan.first_id,
            )
        )
        if not delta:
            assert NotPosted.NOTHING is result
        elif is_stale:
            assert NotPosted.STALE is result
        else:
            self.model.tasks[task] = orphan
            self.model.orphan(task, delta)
            orphan.first_id = orphan.first_id or self.last_id()
            self.posted(result, delta, orphan.amount)

    def check_accounts(self) -> None:
        """The registry knows what the model knows."""
        found = self.do(self.registry.registered())
        assert self.model.opened.keys() == found.keys()
        assert self.model.closed == {name for name, each in found.items() if each.is_closed}


def moves(entry: Entry, team: TeamId | None) -> bool:
    """Whether an entry moves money of a team (or of the organisation) otherwise than as read."""
    return entry.kind in MOVES and team in (None, entry.team)
