"""The latest numbers about every offer, shared by the processes of a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.render_times import SAMPLES_MAX
from proxy.store.codec import fields_of
from proxy.store.script import Script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.store.client import Client


class RedisSamples:
    """OfferSamples over Redis: one hash, a field for each offer."""

    def __init__(self, client: Client, key: str) -> None:
        self._client = client
        self._key = key
        self._learn = Script.load("learn")

    async def exchange(self, fresh: Mapping[str, Sequence[int]]) -> Mapping[str, Sequence[int]]:
        """Add numbers by offer id; returns every offer's latest, oldest first.

        Sent again after a lost reply it only reads, so that nothing is added twice.
        """
        added = [
            text
            for offer_id, samples in fresh.items()
            for text in (offer_id, ",".join(map(str, samples)))
        ]
        reply = await self._learn.run(
            self._client, [self._key], [SAMPLES_MAX, *added], again=[SAMPLES_MAX]
        )
        return {
            offer_id: [int(sample) for sample in text.split(b",")]
            for offer_id, text in fields_of(reply).items()
        }
