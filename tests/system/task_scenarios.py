"""The failure table from the moment a vendor has accepted a job."""

from __future__ import annotations

from tests.system.ending import (
    KLING,
    MADE,
    NEVER,
    OPENAI,
    RUNWAY,
    VERTEX,
    Ending,
    Scenario,
    Section,
    at_all,
    cancelled,
    elsewhere,
    failed,
    unknown,
)

OUTCOMES = Section(
    "Accepted, and then no video",
    "A breakdown goes on to the next candidate, a refusal of the content never does. Money follows"
    " the vendor's own figure, or the offer's `bills_on`.",
    (
        Scenario(
            "an internal error",
            "outcome=internal",
            at_all(elsewhere("provider_failed", is_accepted=True)),
        ),
        Scenario(
            "an error of a kind nobody has documented",
            "outcome=internal code=moon_phase",
            {OPENAI: elsewhere("provider_failed", is_accepted=True)},
        ),
        Scenario(
            "its own supplier is down",
            "outcome=internal code=THIRD_PARTY.UNAVAILABLE",
            {RUNWAY: elsewhere("provider_failed", is_accepted=True)},
        ),
        Scenario(
            "an input could not be used",
            "outcome=internal code=ASSET.INVALID",
            {RUNWAY: failed("invalid_input")},
        ),
        Scenario(
            "the prompt is refused",
            "outcome=content_policy",
            at_all(failed("content_policy"), runway=failed("content_policy", bills=1)),
        ),
        Scenario(
            "the video is filtered",
            "outcome=filtered",
            at_all(failed("content_policy"), runway=failed("content_policy", bills=1)),
        ),
        Scenario(
            "somebody else cancels it",
            "outcome=cancelled",
            {RUNWAY: elsewhere("provider_failed", is_accepted=True, bills=1)},
        ),
        Scenario("it never ends", "outcome=hang", at_all(unknown(invoiced=0))),
        Scenario(
            "it ends after `give_up_after`, and a look-up sees it", "render=5.7", at_all(MADE)
        ),
        Scenario(
            "it fails after `give_up_after`, and a look-up sees it",
            "render=5.7 outcome=internal",
            at_all(elsewhere("provider_failed", is_accepted=True)),
        ),
        Scenario(
            "it ends when nobody asks any more", "render=10", at_all(unknown()), is_late=True
        ),
        Scenario("made, and the vendor loses the record", "outcome=vanish", at_all(unknown())),
        Scenario("made, and its status is garbage", "outcome=garbage", at_all(unknown())),
    ),
)

STATUS_FAULTS = (
    ("the credentials are refused", "401"),
    ("there is no such task", "404"),
    ("slow down", "429"),
    ("an internal error", "500"),
    ("not available", "503"),
    ("a gateway's error page", "502"),
    ("a gateway's timeout", "504"),
    ("no answer", "hang"),
    ("the connection breaks", "reset"),
    ("an answer that is no JSON", "garbage"),
    ("an answer that is cut off", "truncated"),
    ("an answer of wrong types", "wrong_types"),
    ("an answer of 8 MiB", "oversized"),
)
STATUS_SOMETIMES = Section(
    "Status calls fail twice",
    "The job waits and asks again; nothing is bought twice.",
    tuple(
        Scenario(says, f"status={fault} status_times=2", at_all(MADE))
        for says, fault in STATUS_FAULTS
    ),
)
STATUS_ALWAYS = Section(
    "Status calls fail for ever",
    "The video was made and is billed, and nobody can see it. After `give_up_after`, or sooner"
    " where the answer denies the task or cannot be read, the outcome is unknown; look-ups ask a"
    " few times more.",
    tuple(
        Scenario(says, f"status={fault}", at_all(unknown()), is_lasting=True)
        for says, fault in STATUS_FAULTS
    ),
)

LOST_FILE = failed("artifact_lost", bills=1)
# A clip inside Vertex's answer has no link, and until the answer is whole nobody knows of it.
DOWNLOADS = Section(
    "The finished video cannot be fetched",
    "Fetching is tried again (`download_retries`). What is lost for good was made all the same,"
    " and is paid. A file that is in our store already, its worker having died before it settled,"
    " is hashed there and not asked for again. Vertex hands its video out inside the status"
    " answer, unless it writes to a bucket.",
    (
        Scenario("gone, once", "download=404 download_times=1", at_all(MADE, vertex=None)),
        Scenario("gone, for ever", "download=404", at_all(LOST_FILE, vertex=None)),
        Scenario(
            "the link has expired, once",
            "download=expired download_times=1",
            at_all(MADE, vertex=None),
        ),
        Scenario(
            "the link has expired, for ever", "download=expired", at_all(LOST_FILE, vertex=None)
        ),
        Scenario("links are dead at once", "link=0", at_all(LOST_FILE, vertex=None)),
        Scenario("slow", "download=slow", at_all(MADE)),
        Scenario(
            "cut in half, once", "download=truncate download_times=1 bytes=300kB", at_all(MADE)
        ),
        Scenario(
            "cut in half, for ever",
            "download=truncate bytes=300kB",
            at_all(LOST_FILE, vertex=unknown()),
        ),
        Scenario(
            "the connection breaks, once",
            "download=reset download_times=1 bytes=300kB",
            at_all(MADE),
        ),
        Scenario(
            "the connection breaks, for ever",
            "download=reset bytes=300kB",
            at_all(LOST_FILE, vertex=unknown()),
        ),
        Scenario("no video, once", "download=garbage download_times=1", at_all(MADE)),
        Scenario("no video, for ever", "download=garbage", at_all(LOST_FILE)),
        Scenario("larger than `artifacts.max_bytes`", "bytes=3MB", at_all(LOST_FILE)),
        Scenario(
            "the link leads into a private network",
            "url=http://10.0.0.1/cat.mp4",
            {KLING: LOST_FILE, RUNWAY: LOST_FILE},
        ),
        Scenario(
            "the link redirects into a private network",
            "redirect=http://10.0.0.1/cat.mp4",
            at_all(LOST_FILE, vertex=None),
        ),
    ),
)

BUCKET = Section(
    "Vertex writes to a bucket, and the video cannot be fetched from there",
    "With `storage_uri` the video is an object of Cloud Storage, fetched with the account's own"
    " token, which goes nowhere else.",
    tuple(
        Scenario(says, directive, {VERTEX: ending})
        for says, directive, ending in (
            ("the video is made", "", MADE),
            ("gone, once", "download=404 download_times=1", MADE),
            ("gone, for ever", "download=404", LOST_FILE),
            ("slow", "download=slow", MADE),
            ("cut in half, once", "download=truncate download_times=1 bytes=300kB", MADE),
            ("cut in half, for ever", "download=truncate bytes=300kB", LOST_FILE),
            ("the connection breaks, once", "download=reset download_times=1 bytes=300kB", MADE),
            ("the connection breaks, for ever", "download=reset bytes=300kB", LOST_FILE),
            ("no video, once", "download=garbage download_times=1", MADE),
            ("no video, for ever", "download=garbage", LOST_FILE),
            ("larger than `artifacts.max_bytes`", "bytes=3MB", LOST_FILE),
            (
                "the object redirects into a private network",
                "redirect=http://10.0.0.1/cat.mp4",
                LOST_FILE,
            ),
            ("the object is one of another bucket", "url=gs://others/cat.mp4", LOST_FILE),
            ("its address is no bucket's", "url=http://10.0.0.1/cat.mp4", unknown()),
        )
    ),
)

CALLBACKS = Section(
    "The vendor calls back",
    "A callback only brings the next poll forward. One that cannot be trusted is refused, and the"
    " job goes on as if none had come. Kling calls back at each change, OpenAI at the end; the"
    " others never do.",
    (
        *(
            Scenario(says, f"callback={fault}", {KLING: MADE, OPENAI: MADE})
            for says, fault in (
                ("all is well", "ok"),
                ("nothing is told", "none"),
                ("everything is told twice", "twice"),
                ("signed with another key", "forged"),
                ("signed ten minutes ago", "stale"),
                ("not signed", "unsigned"),
                ("no JSON", "garbage"),
            )
        ),
        Scenario("the end is told before what was before", "callback=reordered", {KLING: MADE}),
        Scenario(
            "a failure is told twice",
            "outcome=internal callback=twice",
            {name: elsewhere("provider_failed", is_accepted=True) for name in (KLING, OPENAI)},
        ),
        Scenario(
            "the end is told of a submit whose answer was lost",
            "submit=accept_then_hang callback=ok",
            {KLING: MADE, OPENAI: unknown()},
        ),
    ),
)

MONEY = Section(
    "The bill is not the price",
    "Kling and Runway report what they charge, and that is charged. The others report nothing: the"
    " price book is charged, and the difference shows up when the vendor's invoice is compared.",
    tuple(
        Scenario(
            says,
            f"bill={factor}x",
            at_all(
                Ending(charged=factor, invoiced=factor),
                vertex=Ending(invoiced=factor),
                openai=Ending(invoiced=factor),
            ),
        )
        for says, factor in (("it costs more", 1.5), ("it costs less", 0.5), ("it is free", 0.0))
    ),
)

CANCELS = Section(
    "The caller cancels",
    "The caller is answered at once; inside, the job is followed until its money is settled. Only"
    " Runway can stop a task: one that had not begun is free, one that rendered is not refunded.",
    (
        Scenario(
            "while it waits to be submitted again",
            "submit=429 retry_after=2",
            at_all(cancelled(accepted=0)),
            cancel_when="submitted",
        ),
        Scenario(
            "while the vendor lets it wait",
            "submit=concurrency render=4",
            {RUNWAY: cancelled()},
            cancel_when="throttled",
        ),
        Scenario(
            "while it renders",
            "render=4",
            at_all(cancelled(bills=1)),
            cancel_when="processing",
        ),
        Scenario(
            "while it renders, and then it fails",
            "render=4 outcome=internal",
            at_all(cancelled(), runway=cancelled(bills=1)),
            cancel_when="processing",
        ),
        Scenario(
            "while the answer to its submit is lost",
            "submit=accept_then_hang",
            at_all(unknown(state="cancelled")),
            cancel_when="submitted",
        ),
    ),
)

RETIREMENT = Section(
    "The catalog says that the model is retired",
    "Nobody is asked for it: its successor serves the job, or the create is refused.",
    (
        Scenario("and has a successor", "", at_all(MADE), is_retired=True),
        Scenario(
            "and must not be substituted (`substitute: never`)",
            "",
            at_all(
                Ending(
                    "refused", "no_route", attempts=0, submits=0, accepted=0, charged=0, invoiced=0
                )
            ),
            NEVER,
            is_retired=True,
        ),
    ),
)
