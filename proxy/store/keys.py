"""Every Redis key of the product: its name, type, life and writer. No other file builds one.

docs/store.md shows the same table to operators.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from proxy.domain.ids import ProviderName, TeamId

if TYPE_CHECKING:
    from proxy.domain.ids import JobId, KeyId

PREFIX = "gl:"
PERMANENT = (
    "audit",
    "decisions",
    "team",
    "org",
    "list",
    "wait",
    "lines",
    "deadlines",
    "turns",
    "run",
    "teams",
    "due",
    "ledger",
    "accounts",
    "trimmed",
    "renders",
    "outcomes",
    "outbox",
    "box",
    "undelivered",
    "followed",
    "silenced",
    "looks",
)
"""Nouns of cell keys without a TTL; a `job` has none until it ends, all others always have one."""

PROVIDER_PERMANENT = ("slots", "breakers")
"""Nouns of provider keys without a TTL: one of each per account."""

FINGERPRINT_CHARS = 32


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of one cell. They share the hash tag {cell}, so one script may touch them all."""

    cell: str = "main"

    def _name(self, noun: str, *rest: str) -> str:
        return ":".join((f"{PREFIX}{{{self.cell}}}", noun, *rest))

    def team(self, team: TeamId) -> str:
        """HASH, permanent: balances, token buckets and open jobs of a team and its keys."""
        return self._name("team", team)

    def organisation(self) -> str:
        """HASH, permanent: balances of the organisation."""
        return self._name("org")

    def job(self, job: JobId) -> str:
        """HASH, permanent until the job ends, then the team's retention: one job."""
        return self._name("job", job)

    def job_list(self, team: TeamId) -> str:
        """ZSET, permanent: the team's job ids by creation in ms; trimmed when jobs end."""
        return self._name("list", team)

    def waiting(self, team: TeamId, provider: ProviderName) -> str:
        """ZSET, permanent: ids of a team's jobs that wait for a provider, by ms; a line."""
        return self._name("wait", team, provider)

    def lines(self) -> str:
        """HASH, permanent: how many jobs wait in each line that is not empty, by its key."""
        return self._name("lines")

    def deadlines(self) -> str:
        """ZSET, permanent: ids of all queued jobs by the ms of their deadline."""
        return self._name("deadlines")

    def turns(self) -> str:
        """HASH, permanent: the virtual time of each provider, and of each line by its key."""
        return self._name("turns")

    def running(self, team: TeamId) -> str:
        """SET, permanent: ids of jobs that count against the team's `running` limit."""
        return self._name("run", team)

    def teams(self) -> str:
        """SET, permanent: every team that ever had a job."""
        return self._name("teams")

    def due(self) -> str:
        """ZSET, permanent: ids of jobs under way by the ms of their next step or lease end."""
        return self._name("due")

    def ledger(self) -> str:
        """STREAM, permanent: every movement of money."""
        return self._name("ledger")

    def accounts(self) -> str:
        """HASH, permanent: every account that was opened, with its time zone."""
        return self._name("accounts")

    def trimmed(self) -> str:
        """STRING, permanent: id of the last entry of the ledger that is only in files."""
        return self._name("trimmed")

    def audit(self) -> str:
        """STREAM, permanent: every change by a person."""
        return self._name("audit")

    def change(self, operation: str) -> str:
        """STRING, 30 days: the first result of a change by a person."""
        return self._name("change", sha256(operation.encode()).hexdigest()[:FINGERPRINT_CHARS])

    def amended(self, name: str) -> str:
        """HASH, 800 days: what was changed by hand about an attempt, or about a vendor's task."""
        return self._name("adj", name)

    def renders(self) -> str:
        """HASH, permanent: the latest render times of each offer."""
        return self._name("renders")

    def decisions(self) -> str:
        """STREAM, permanent: the latest routing decisions, about as many as configured."""
        return self._name("decisions")

    def decided(self, operation: str) -> str:
        """STRING, ten minutes: decisions that were put on record."""
        return self._name("decided", operation)

    def errand(self, name: str) -> str:
        """STRING, until the next time: an errand that was taken."""
        return self._name("errand", name)

    def outcomes(self) -> str:
        """HASH, permanent: how the latest attempts at each offer ended."""
        return self._name("outcomes")

    def errand_result(self, name: str) -> str:
        """STRING, 90 days: what came of an errand the last time."""
        return self._name("errand_result", name)

    def outbox(self) -> str:
        """ZSET, permanent: receivers that have letters, by the ms of the next sending to them."""
        return self._name("outbox")

    def box(self, receiver: str) -> str:
        """ZSET, permanent: ids of a receiver's letters by the ms from which they may be sent."""
        return self._name("box", receiver)

    def letter(self, letter: str) -> str:
        """HASH, 30 days, or 5 once it was taken: a message for one receiver, and its tries."""
        return self._name("out", letter)

    def rest(self, receiver: str) -> str:
        """STRING, an hour longer than it rests: how often in a row a receiver took nothing."""
        return self._name("rest", receiver)

    def sendings(self, receiver: str) -> str:
        """LIST, as long as the latest letter: the latest tries of a receiver."""
        return self._name("sent", receiver)

    def undelivered(self) -> str:
        """ZSET, permanent: letters of the last 30 days that nobody took, by ms of that."""
        return self._name("undelivered")

    def told(self, about: str) -> str:
        """STRING, as long as nothing more is told about it: who told."""
        return self._name("told", sha256(about.encode()).hexdigest()[:FINGERPRINT_CHARS])

    def followed(self) -> str:
        """STRING, permanent: up to where the ledger was looked at for what is to be told."""
        return self._name("followed")

    def silenced(self) -> str:
        """STRING, permanent: receivers that want nothing more of a configuration."""
        return self._name("silenced")

    def looks(self) -> str:
        """HASH, permanent: turns at looking through vendors' lists, by account."""
        return self._name("looks")

    def heard(self, message: str) -> str:
        """STRING, 15 min: what became of a message about a job, so that it is heard once."""
        return self._name("heard", sha256(message.encode()).hexdigest()[:FINGERPRINT_CHARS])

    def operation(self, provider: ProviderName, account: str, name: str) -> str:
        """STRING, as long as the operation may run: the attempt behind a provider's own id."""
        return self._name("op", provider, account, sha256(name.encode()).hexdigest())

    def idempotency(self, key: KeyId, header: str) -> str:
        """STRING, 24 h: the request and the job an Idempotency-Key is bound to."""
        return self._name("idem", key, sha256(header.encode()).hexdigest())

    def tries(self, key: KeyId, fingerprint: str) -> str:
        """STRING, 15 min: what equal creates of one API key did lately (the SDK-retry rule)."""
        return self._name("try", key, fingerprint[:FINGERPRINT_CHARS])


def line_of(key: str) -> tuple[TeamId, ProviderName]:
    """Whose line a key is, and for which provider: no name of either holds a colon."""
    _, team, provider = key.rsplit(":", 2)
    return TeamId(team), ProviderName(provider)


def slots(provider: ProviderName, account: str) -> str:
    """ZSET, permanent: attempts holding a slot of a provider account, by lease end in ms."""
    return f"{PREFIX}{{p:{provider}:{account}}}:slots"


def submits(provider: ProviderName, account: str) -> str:
    """STRING, until the bucket is full: token bucket of submits to a provider account."""
    return f"{PREFIX}{{p:{provider}:{account}}}:submit"


def breakers(provider: ProviderName, account: str) -> str:
    """HASH, permanent: circuit breakers of a provider account, bounded by its offers."""
    return f"{PREFIX}{{p:{provider}:{account}}}:breakers"


def heard_by(provider: ProviderName, account: str, operation: str) -> str:
    """STRING, 1 min: what a report to an account's breakers changed, so that it is heard once."""
    return f"{PREFIX}{{p:{provider}:{account}}}:heard:{operation}"
