"""Letters about a video's end as JSON Schema: what `proxy.http.letters` answers to teams."""

from __future__ import annotations

from proxy.domain.video_event import ENDS
from proxy.gateway.ports.letters import Fate
from proxy.gateway.ports.notices import Outcome
from proxy.http.schemas import (
    UNIX_S,
    Schema,
    constant,
    many,
    nullable,
    one_of,
    record,
    text,
    whole,
)

_TRY = record(
    {
        "at": UNIX_S,
        "outcome": one_of(Outcome),
        "status": nullable(whole("What was answered.")),
        "fault": nullable(text("What kept it from being answered.")),
        "took_ms": whole(),
    }
)
_LETTER = record(
    {
        "object": constant("webhook.letter"),
        "id": text("The message's id, `webhook-id`: the same for all receivers."),
        "type": one_of(ENDS),
        "receiver": text("Its name: a hash."),
        "origin": nullable(text("Scheme, host and port of where it goes.")),
        "sequence": nullable(whole("Its place among the team's messages.")),
        "created_at": UNIX_S,
        "state": one_of(Fate),
        "next_at": nullable(UNIX_S),
        "tries": whole(),
        "log": many(_TRY, description="The latest tries, the last first."),
        "answer": nullable(text("How the last answer began, masked.")),
    }
)


def letters_schema() -> Schema:
    """A list of them."""
    return record({"object": constant("list"), "data": many(_LETTER)})
