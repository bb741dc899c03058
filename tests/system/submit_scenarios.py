"""The failure table until a vendor has accepted a job, or may have."""

from __future__ import annotations

from tests.system.ending import (
    KLING,
    MADE,
    MANY,
    NEVER,
    RUNWAY,
    Ending,
    Scenario,
    Section,
    again,
    at_all,
    elsewhere,
    failed,
    refused,
    unknown,
)

# A submit that surely had no effect, but only a look-up can say so: Kling has one.
LOST = at_all(
    unknown(accepted=0, invoiced=0),
    kling=elsewhere("provider_unavailable"),
)
# A submit that was accepted without an answer: Kling finds it.
ACCEPTED = at_all(unknown(), kling=MADE)
SLOW_DOWN = at_all(elsewhere("provider_throttled", submits=MANY))

SUCCESS = Section(
    "Nothing goes wrong",
    "For comparison.",
    (Scenario("the video is made", "", at_all(MADE)),),
)

REFUSALS = Section(
    "The submit is refused",
    "The answer proves that nothing was accepted, so nothing is paid and another try is safe.",
    (
        Scenario("a bad request", "submit=400", at_all(refused("invalid_input"))),
        Scenario("the credentials are refused", "submit=401", at_all(elsewhere("provider_auth"))),
        Scenario("there is no such model", "submit=404", at_all(elsewhere("model_gone"))),
        Scenario("the model is retired there", "submit=410", at_all(elsewhere("model_gone"))),
        Scenario(
            "the account is out of credits",
            "submit=account",
            at_all(elsewhere("provider_account")),
        ),
        Scenario(
            "the prompt is refused",
            "submit=content_policy",
            at_all(refused("content_policy"), runway=failed("content_policy", bills=1)),
        ),
        Scenario("slow down, once", "submit=429 times=1", at_all(again())),
        Scenario(
            "slow down for a second, once",
            "submit=429 retry_after=1 times=1",
            at_all(again()),
        ),
        Scenario("slow down, for ever", "submit=429", SLOW_DOWN),
        Scenario(
            "slow down for longer than `max_queue_wait`",
            "submit=429 retry_after=60",
            at_all(elsewhere("provider_throttled")),
        ),
        Scenario(
            "too many at once, once",
            "submit=concurrency times=1",
            at_all(again(), runway=MADE),
        ),
        Scenario(
            "too many at once, for ever",
            "submit=concurrency",
            {name: MADE if name == RUNWAY else end for name, end in SLOW_DOWN.items()},
        ),
        Scenario("an internal error, once", "submit=500 times=1", at_all(again())),
        Scenario(
            "an internal error, for ever",
            "submit=500",
            at_all(elsewhere("provider_unavailable", submits=2)),
        ),
        Scenario("not available, once", "submit=503 times=1", at_all(again())),
        Scenario(
            "not available, for ever",
            "submit=503",
            at_all(elsewhere("provider_unavailable", submits=2)),
        ),
    ),
)

NO_CANDIDATE = Section(
    "The submit is refused, and nobody else is left",
    "With `substitute: never` there is one candidate: the job fails with that vendor's code.",
    (
        *(
            Scenario(says, f"submit={fault}", at_all(refused(code, submits=submits)), NEVER)
            for says, fault, code, submits in (
                ("the credentials are refused", "401", "provider_auth", 1),
                ("the model is retired there", "410", "model_gone", 1),
                ("the account is out of credits", "account", "provider_account", 1),
                ("slow down, for ever", "429", "provider_throttled", MANY),
                ("not available, for ever", "503", "provider_unavailable", 2),
            )
        ),
        Scenario(
            "accepted, then an internal error",
            "outcome=internal",
            at_all(failed("provider_failed")),
            NEVER,
        ),
        Scenario(
            "not available, and neither is anybody else (`max_attempts` is 3)",
            "submit=503",
            at_all(refused("provider_unavailable", submits=2, attempts=3)),
            is_everywhere=True,
        ),
    ),
)

LOST_ANSWERS = Section(
    "The submit gets no answer that says anything",
    "It may have bought a video. Kling is asked for it by our own id; nobody else can be, and"
    " then the money is kept as `unknown.then` says (here `assume_charged`) and nothing is tried"
    " again.",
    (
        Scenario("a gateway's timeout; nothing was accepted", "submit=504", LOST),
        Scenario("a gateway's error page; nothing was accepted", "submit=502", LOST),
        Scenario("no answer at all; nothing was accepted", "submit=hang", LOST),
        Scenario("the connection breaks; nothing was accepted", "submit=reset", LOST),
        Scenario("a gateway's timeout; it was accepted", "submit=accept_then_504", ACCEPTED),
        Scenario("no answer at all; it was accepted", "submit=accept_then_hang", ACCEPTED),
        Scenario("the connection breaks; it was accepted", "submit=accept_then_reset", ACCEPTED),
        Scenario("an answer that is no JSON; it was accepted", "submit=garbage", ACCEPTED),
        Scenario("an answer that is cut off; it was accepted", "submit=truncated", ACCEPTED),
        Scenario("an answer of wrong types; it was accepted", "submit=wrong_types", ACCEPTED),
        Scenario("an answer of 8 MiB; it was accepted", "submit=oversized", ACCEPTED),
        Scenario(
            "... and the first look-up fails",
            "submit=accept_then_hang find=503 find_times=1",
            {KLING: MADE},
        ),
        Scenario(
            "... and every look-up fails",
            "submit=accept_then_hang find=503",
            {KLING: unknown()},
        ),
        Scenario(
            "... and every look-up is answered with garbage",
            "submit=accept_then_hang find=garbage",
            {KLING: unknown()},
        ),
        Scenario(
            "... and every look-up says, wrongly, that there is none",
            "submit=accept_then_hang find=404",
            {
                KLING: Ending(
                    code="provider_unavailable",
                    attempts=2,
                    accepted=2,
                    charged=0,
                    invoiced=1,
                    next_videos=1,
                )
            },
        ),
    ),
)
