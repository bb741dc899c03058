"""What persons change about money: each change one script, once for its operation, on record."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from proxy.domain.errors import IdempotencyConflict
from proxy.domain.ids import JobId, TeamId
from proxy.domain.ledger import Charge
from proxy.domain.opening import taken_over_by
from proxy.gateway.ports.ledger import NotPosted, Posted
from proxy.store.entries import ORGANISATION_OWNER, TEAM_OWNER, facts_text, owned_name, short_name
from proxy.store.flags import DRAIN, FREEZE, REVOKED, refusals_field
from proxy.store.registry import Openings
from proxy.store.script import Script

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from proxy.domain.ids import KeyId, ProviderName
    from proxy.domain.standing import Standing
    from proxy.gateway.ports.ledger import Mandate
    from proxy.store.client import Client
    from proxy.store.connection import Argument, Reply
    from proxy.store.keys import Keys

OVERRIDES_MAX = 64
"""Live overrides of a team, or of the organisation: every admission reads them."""
ID_CHARS = 16


class RedisChanges:
    """Changes over Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._adjust = Script.load("adjust")
        self._write_off = Script.load("write_off")
        self._unattributed = Script.load("unattributed")
        self._override = Script.load("override")
        self._flag = Script.load("flag")
        self._end_cool_down = Script.load("end_cooldown")
        self._note = Script.load("note")
        self.openings = Openings(client, keys)

    async def adjust(
        self, standing: Standing, delta_micro_usd: int, mandate: Mandate
    ) -> Posted | NotPosted:
        """Correct what a resolved attempt was charged, on its own balances."""
        if not standing.is_resolved:
            return NotPosted.OPEN
        if not delta_micro_usd:
            return NotPosted.NOTHING
        more: list[Argument] = [
            delta_micro_usd,
            _facts(standing.team, standing.charge, mandate),
            _facts("", standing.charge, mandate),
        ]
        return await self._amend(self._adjust, standing, mandate, more)

    async def write_off(self, standing: Standing, mandate: Mandate) -> Posted | NotPosted:
        """Take what a resolved attempt costs off its team and key; the organisation keeps it."""
        if not standing.is_resolved:
            return NotPosted.OPEN
        more = [_facts(standing.team, standing.charge, mandate)]
        return await self._amend(self._write_off, standing, mandate, more)

    async def unattributed(
        self,
        charge: Charge,
        delta_micro_usd: int,
        mandate: Mandate,
        *,
        known_micro_usd: int,
        balances: tuple[str, ...],
        first_id: str = "",
    ) -> Posted | NotPosted:
        """Charge what a vendor bills and no attempt explains."""
        if not delta_micro_usd:
            return NotPosted.NOTHING
        target = f"{charge.provider}/{charge.account}/{charge.task}"
        keys = [
            self._keys.change(mandate.operation),
            self._keys.audit(),
            self._keys.amended(f"task:{sha256(target.encode()).hexdigest()[: 2 * ID_CHARS]}"),
            self._keys.ledger(),
            self._keys.organisation(),
            self._keys.accounts(),
        ]

        async def post() -> Reply:
            latest, openings = await self.openings.read()
            names = (*balances, *taken_over_by(openings, first_id, "", charge))
            arguments = [
                *mandated(mandate, "unattributed", target),
                known_micro_usd,
                delta_micro_usd,
                owned(TeamId(""), names),
                _facts("", charge, mandate),
                latest,
            ]
            return await self._unattributed.run(self._client, keys, arguments)

        return posted(await self._settled(post))

    async def override(
        self, balance: str, team: TeamId | None, mandate: Mandate, *, micro_usd: int, until_ms: int
    ) -> Posted | NotPosted:
        """Let a balance (the organisation's if no `team`) be used beyond its limit a while."""
        if micro_usd <= 0:
            return NotPosted.BELOW_ZERO
        arguments = [
            *mandated(mandate, "override", balance),
            override_id(mandate.operation),
            *self._override_terms(team, Charge(by="override"), mandate),
            short_name(team or TeamId(""), balance),
            micro_usd,
            until_ms,
        ]
        keys = self._override_keys(team, mandate)
        return posted(await self._override.run(self._client, keys, arguments))

    async def revoke_override(
        self, override: str, team: TeamId | None, mandate: Mandate
    ) -> Posted | NotPosted:
        """End a live override at once."""
        arguments = [
            *mandated(mandate, "revoke_override", override),
            override_id(override),
            *self._override_terms(team, Charge(by=f"revokes:{override}"), mandate),
        ]
        keys = self._override_keys(team, mandate)
        return posted(await self._override.run(self._client, keys, arguments))

    async def freeze(
        self, mandate: Mandate, *, team: TeamId | None = None, provider: ProviderName | None = None
    ) -> bool:
        """Stop new spend of a team, at a provider, or (with neither) altogether."""
        return await self._raised(mandate, "freeze", team, provider, is_up=True)

    async def thaw(
        self, mandate: Mandate, *, team: TeamId | None = None, provider: ProviderName | None = None
    ) -> bool:
        """End a freeze; returns whether there was one."""
        return await self._raised(mandate, "thaw", team, provider, is_up=False)

    async def drain(
        self, mandate: Mandate, *, provider: ProviderName, account: str | None = None
    ) -> bool:
        """Let nothing new go to a provider, or one account of it; returns whether that is new."""
        return await self._drained(mandate, "drain", provider, account, is_up=True)

    async def resume(
        self, mandate: Mandate, *, provider: ProviderName, account: str | None = None
    ) -> bool:
        """End a drain; returns whether there was one."""
        return await self._drained(mandate, "resume", provider, account, is_up=False)

    async def revoke_key(self, team: TeamId, key: KeyId, mandate: Mandate) -> bool:
        """Refuse an API key from now on, for good; returns whether that is new."""
        return await self._flagged(
            mandate, "revoke_key", f"{team}/{key}", team=team, flag=f"{REVOKED}:{key}", is_up=True
        )

    async def end_cool_down(self, team: TeamId, key: KeyId, mandate: Mandate) -> bool:
        """Forget a key's refusals of content; returns whether there was one."""
        keys = [
            self._keys.change(mandate.operation),
            self._keys.audit(),
            self._keys.team(team),
        ]
        what = mandated(mandate, "end_cooldown", f"{team}/{key}")
        arguments = [*what, refusals_field(key)]
        _, _, changed, _ = same(await self._end_cool_down.run(self._client, keys, arguments))
        return bool(int(changed))

    async def note(
        self, mandate: Mandate, *, action: str, target: str, before: str, after: str
    ) -> None:
        """Put on record what a person changed outside of the store."""
        keys = [self._keys.change(mandate.operation), self._keys.audit()]
        arguments = [*mandated(mandate, action, target), before, after]
        same(await self._note.run(self._client, keys, arguments))

    async def _raised(
        self,
        mandate: Mandate,
        action: str,
        team: TeamId | None,
        provider: ProviderName | None,
        *,
        is_up: bool,
    ) -> bool:
        assert team is None or provider is None, "a provider is frozen for everybody"
        flag = FREEZE if provider is None else f"{FREEZE}:{provider}"
        target = target_of(team, provider)
        return await self._flagged(mandate, action, target, team=team, flag=flag, is_up=is_up)

    async def _drained(
        self,
        mandate: Mandate,
        action: str,
        provider: ProviderName,
        account: str | None,
        *,
        is_up: bool,
    ) -> bool:
        name = provider if account is None else f"{provider}:{account}"
        target = drained_name(provider, account)
        return await self._flagged(
            mandate, action, target, team=None, flag=f"{DRAIN}:{name}", is_up=is_up
        )

    async def _flagged(
        self,
        mandate: Mandate,
        action: str,
        target: str,
        *,
        team: TeamId | None,
        flag: str,
        is_up: bool,
    ) -> bool:
        keys = [
            self._keys.change(mandate.operation),
            self._keys.audit(),
            self._hash(team),
            self._keys.teams(),
        ]
        arguments = [*mandated(mandate, action, target), flag, int(is_up), team or ""]
        _, _, changed, _ = same(await self._flag.run(self._client, keys, arguments))
        return bool(int(changed))

    def _hash(self, team: TeamId | None) -> str:
        return self._keys.organisation() if team is None else self._keys.team(team)

    async def _amend(
        self, script: Script, standing: Standing, mandate: Mandate, more: Sequence[Argument]
    ) -> Posted | NotPosted:
        """Change what an attempt costs, on every balance that counts it."""
        keys = self._attempt_keys(standing, mandate)

        async def post() -> Reply:
            latest, openings = await self.openings.read()
            late = taken_over_by(openings, standing.reserve_id, standing.team, standing.charge)
            arguments = [
                *mandated(mandate, script.name, standing.attempt),
                standing.attempt.rpartition("-")[2],
                standing.charged_micro_usd,
                standing.adjusted_micro_usd,
                standing.written_off_micro_usd,
                owned(TeamId(standing.team), (*standing.balances, *late)),
                latest,
                *more,
            ]
            return await script.run(self._client, keys, arguments)

        return posted(await self._settled(post))

    async def _settled(self, post: Callable[[], Awaitable[Reply]]) -> Reply:
        """Post, once more whenever an account was opened meanwhile."""
        while (reply := await post())[0] == b"moved":
            self.openings.forget()
        return reply

    def _attempt_keys(self, standing: Standing, mandate: Mandate) -> list[str]:
        job = JobId(standing.attempt.rpartition("-")[0])
        return [
            self._keys.change(mandate.operation),
            self._keys.audit(),
            self._keys.amended(standing.attempt),
            self._keys.ledger(),
            self._keys.job(job),
            self._keys.team(TeamId(standing.team)),
            self._keys.organisation(),
            self._keys.accounts(),
        ]

    def _override_keys(self, team: TeamId | None, mandate: Mandate) -> list[str]:
        return [
            self._keys.change(mandate.operation),
            self._keys.audit(),
            self._keys.ledger(),
            self._hash(team),
            self._keys.teams(),
        ]

    def _override_terms(
        self, team: TeamId | None, charge: Charge, mandate: Mandate
    ) -> list[Argument]:
        owner = ORGANISATION_OWNER if team is None else TEAM_OWNER
        return [team or "", _facts(team or "", charge, mandate), OVERRIDES_MAX, owner]


def mandated(mandate: Mandate, action: str, target: str) -> list[Argument]:
    """ARGV 1 to 6 of every change by a person."""
    return [mandate.operation, mandate.actor, mandate.role, mandate.reason, action, target]


def owned(team: TeamId, balances: Iterable[str]) -> str:
    """Balances as entries and reservations hold them, by their full names, each once."""
    return "\n".join(owned_name(team, name) for name in dict.fromkeys(balances))


def _facts(team: str, charge: Charge, mandate: Mandate) -> str:
    return facts_text(team, charge, actor=mandate.actor, reason=mandate.reason)


def target_of(team: TeamId | None, provider: ProviderName | None) -> str:
    """What is frozen, as the audit calls it."""
    return f"team:{team}" if team else f"provider:{provider}" if provider else "everything"


def drained_name(provider: str, account: str | None) -> str:
    """What is drained, as the audit calls it."""
    return f"provider:{provider}" if account is None else f"account:{provider}/{account}"


def override_id(operation: str) -> str:
    """An operation's id as the field of live overrides holds it: short, and one word."""
    return sha256(operation.encode()).hexdigest()[:ID_CHARS]


def same(reply: Reply) -> Reply:
    """The reply to a change, unless its operation was another change before."""
    if reply[0] == b"conflict":
        message = "this Idempotency-Key is bound to another change"
        raise IdempotencyConflict(message, param="Idempotency-Key")
    return reply


def posted(reply: Reply) -> Posted | NotPosted:
    """Read the reply to a change. Raises IdempotencyConflict."""
    word, entry, amount, total = same(reply)
    if word != b"ok":
        return NotPosted(word.decode())
    return Posted(
        entry_id=entry.decode(), amount_micro_usd=int(amount), total_micro_usd=int(total)
    )
