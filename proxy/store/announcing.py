"""Announcements as the scripts that end jobs take them: a text, and the keys of the letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.store.outbox import LETTER_LIFE_S, letter_id

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.gateway.ports.notices import Announcement, Announcer
    from proxy.store.keys import Keys


@dataclass(frozen=True, slots=True)
class Announcing:
    """Asks whom to tell; nobody if there is no `announcer`."""

    keys: Keys
    announcer: Announcer | None

    def of(self, job: Job, *, charged_micro_usd: int | None) -> tuple[str, list[str]]:
        """What announce.lua takes of a job that is over for its client, and its keys."""
        if self.announcer is None:
            return "", []
        announcement = self.announcer.of(job, charged_micro_usd=charged_micro_usd)
        if announcement is None:
            return "", []
        return _text(announcement), self._keys_of(announcement)

    def _keys_of(self, announcement: Announcement) -> list[str]:
        keys = [self.keys.outbox()]
        for addressee in announcement.addressees:
            letter = letter_id(announcement.message, addressee.receiver)
            keys += [self.keys.letter(letter), self.keys.box(addressee.receiver)]
        return keys


def _text(announcement: Announcement) -> str:
    head = f"{announcement.message} {announcement.kind} {announcement.team}"
    receivers = "\n".join(f"{each.receiver} {each.url}" for each in announcement.addressees)
    return f"{head} {LETTER_LIFE_S * 1000}\n{receivers}\n\n{announcement.data}"
