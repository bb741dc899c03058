"""What is told of a video's end, and the letters about it, as JSON Schema."""

from __future__ import annotations

from proxy.domain.job import PublicStatus, StoppedBy
from proxy.domain.video_event import ENDS
from proxy.gateway.ports.letters import Fate
from proxy.gateway.ports.notices import Outcome
from proxy.http.schemas import (
    DOLLARS,
    ERROR_OF_JOB,
    UNIX_S,
    Schema,
    constant,
    many,
    mapping,
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

_ENDED = record(
    {
        "id": text(),
        "object": constant("video"),
        "status": one_of((PublicStatus.COMPLETED, PublicStatus.FAILED)),
        "model": text(),
        "created_at": UNIX_S,
        "error": ERROR_OF_JOB,
        "greenlight": record(
            {
                "team": text(),
                "provider": text(),
                "requested_model": nullable(text("What was sent.")),
                "cost_usd": record({"reserved": DOLLARS, "charged": nullable(DOLLARS)}),
                "attempts": whole(),
                "stopped_by": nullable(one_of(StoppedBy)),
                "metadata": nullable(mapping(text())),
            }
        ),
    }
)


def letters_schema() -> Schema:
    """A list of them."""
    return record({"object": constant("list"), "data": many(_LETTER)})


def end_schema() -> Schema:
    """The message that receivers of webhooks get."""
    return record(
        {
            "id": text("The message's, as `webhook-id`: ignore what you have seen."),
            "object": constant("event"),
            "type": one_of(ENDS),
            "created_at": UNIX_S,
            "timestamp": text("When it ended.", format="date-time"),
            "sequence": whole("Its place among the team's messages.", minimum=0),
            "data": _ENDED,
        }
    )
