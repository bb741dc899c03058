"""Notices on their way: what makes each be told once, the outbox, and who sends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.balance import Balance
    from proxy.domain.ids import TeamId
    from proxy.domain.job import Job
    from proxy.domain.notice import Notice, NoticeKind
    from proxy.gateway.ports.admission import BalanceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Somebody outside who is told notices of some kinds. `id` reveals nothing."""

    id: str
    kinds: frozenset[NoticeKind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A notice with the ids of those who get it, which may be none."""

    notice: Notice
    receivers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message for one receiver, leased to whoever took it out of the outbox.

    `notice` is the message's id, `tries` counts the sending that it was taken for, `url` is where
    it goes if no receiver of the configuration is meant, on behalf of `team`. One that `is_past`
    is not sent any more.
    """

    id: str
    receiver: str
    notice: str
    kind: str
    body: str
    tries: int
    lease: str
    team: str = ""
    url: str = ""
    is_past: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a receiver answered: a status, or else the fault that kept it from answering.

    `excerpt` is how the body of the answer begins, as text that may be shown.
    """

    status: int | None = None
    retry_after_s: float | None = None
    fault: str = ""
    excerpt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Who is told of a job's end; `url` is where, if the configuration has no such receiver."""

    receiver: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What is told of a job's end, and whom. It is written by the script that ends the job.

    `data` is JSON on one line; when it ended, and the message's place among the team's, the script
    adds.
    """

    message: str
    kind: str
    team: TeamId
    data: str
    addressees: tuple[Addressee, ...]


class Announcer(Protocol):
    """Knows who wants to be told of a job's end."""

    def of(self, job: Job, *, charged_micro_usd: int | None) -> Announcement | None:
        """What to tell of a job as it is when it is over for its client, None if nobody asks.

        `charged_micro_usd` is what it has cost, None as long as money of it is held.
        """


class Outcome(StrEnum):
    """What became of a letter that was taken out of the outbox."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """It is sent again."""
    GIVEN_UP = "given_up"
    SILENCED = "silenced"
    """Its receiver wants nothing more."""
    WITHDRAWN = "withdrawn"
    """There is no such receiver (any more), or it was silenced before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One sending of a letter and what came of it; pauses in seconds if it is sent again.

    `rest_s` is how long the receiver asked to be left alone.
    """

    outcome: Outcome
    reply: Reply | None
    took_s: float
    again_in_s: float = 0.0
    rest_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A balance with the marks of what was told of it."""

    state: BalanceState
    marks: frozenset[str]


class Bulletin(Protocol):
    """Telling each thing once: what makes it so is changed in one script with the outbox.

    Every method raises StoreUnavailable; asking again later is harmless.
    """

    async def marked(
        self, team: TeamId | None, balances: Sequence[Balance], *, now_ms: int
    ) -> Sequence[Marked]:
        """How balances of a team (None: of the organisation) stand, read in one step."""

    async def mark(
        self, team: TeamId | None, balance: str, marks: Sequence[str], mail: Mail
    ) -> bool:
        """Mark levels, low to high; the mail goes out if the highest had no mark yet.

        Says whether it did.
        """

    async def tell_once(self, about: str, mail: Mail, *, silence_s: float) -> bool:
        """Let the mail go out unless there was one about the same in the last `silence_s`."""

    async def followed(self) -> str | None:
        """Id of the last entry of the ledger that was looked at, None if none ever was."""

    async def last_entry(self) -> str:
        """Id of the ledger's last entry, "0-0" if it has none."""

    async def follow(self, before: str | None, after: str, mails: Sequence[Mail]) -> bool:
        """Note that the ledger was looked at up to `after`, and let the mails go out.

        False, and nothing is done, if somebody else did so since `before`.
        """


class Outbox(Protocol):
    """Letters that wait to be sent, in a box for each receiver.

    Every method raises StoreUnavailable.
    """

    async def due(self, limit: int) -> tuple[Sequence[str], float | None]:
        """Receivers with letters that may be sent now, and seconds until there are more of them.

        Those that waited longest come first; None: there are no more.
        """

    async def letters(self, receiver: str, limit: int) -> Sequence[str]:
        """Due letters of a receiver, by id, the longest due first."""

    async def take(self, letter: str, *, lease_s: float, patience_s: float) -> Letter | None:
        """Lease a due letter; None if somebody else has it, or its receiver rests.

        What is older than `patience_s` is past.
        """

    async def note(self, letter: Letter, sending: Sending) -> None:
        """Note what came of a letter, unless its lease was lost."""

    async def silenced(self, digest: str) -> frozenset[str]:
        """Receivers that want nothing more, as long as this configuration is in force."""

    async def silence(self, receiver: str, digest: str) -> None:
        """Send a receiver nothing more, as long as this configuration is in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownReceiver:
    """A receiver of the configuration; `team` is "" if it is nobody's own.

    `origin` is scheme, host and port of its URL, the rest of which may hold a secret.
    """

    id: str
    team: str
    origin: str
    kinds: tuple[str, ...]


class Addresses(Protocol):
    """Where messages may be sent by the configuration in force."""

    @property
    def known(self) -> Sequence[KnownReceiver]:
        """Every receiver of the configuration."""

    def fault_of(self, url: str) -> str | None:
        """Why nothing can be sent to a URL that a create gives; None if it can."""


class Sender(Protocol):
    """Sends letters to the receivers of the configuration in force."""

    @property
    def receivers(self) -> Sequence[Receiver]:
        """Who there is to send to."""

    async def send(self, letter: Letter, *, within_s: float) -> Reply | None:
        """Send a letter once; None if its receiver is not there any more."""
