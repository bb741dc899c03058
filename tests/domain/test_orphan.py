"""What a vendor lists, against what jobs and entries explain."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.ledger import Charge, Entry, EntryKind
from proxy.domain.orphan import SKEW_MS, Explanations, Fate, Listed, is_attempt, orphan_of
from proxy.domain.orphan_rule import OrphanRule
from proxy.domain.price import Billing, BillsOn
from proxy.domain.video import Shape
from tests.builders import an_offer
from tests.job_builders import a_job, a_job_id, an_attempt

if TYPE_CHECKING:
    from proxy.domain.policy import Offer

T0_MS = 1_795_000_000_000
ATTEMPT = f"{a_job_id(1)}-1"
MODELS = {"kling-v3": "kling-3.0", "other": "kling-2.6"}
NAMED = Listed(task="t-1", created_at_ms=T0_MS, fate=Fate.MADE, external_id=ATTEMPT)
BARE = Listed(task="t-2", created_at_ms=T0_MS, fate=Fate.MADE, upstream="kling-v3")
FOREIGN = replace(BARE, task="t-3", external_id="somebody's")


def an_entry(
    kind: EntryKind,
    *,
    attempt: str = ATTEMPT,
    at_ms: int = T0_MS - 1000,
    task: str = "",
    by: str = "",
    spent: int = 0,
    provider: str = "kling",
    account: str = "",
    model: str = "kling-3.0",
) -> Entry:
    return Entry(
        id=f"{at_ms}-0",
        kind=kind,
        operation="",
        attempt=attempt,
        team="marketing",
        balances=(),
        reserved_micro_usd=0,
        spent_micro_usd=spent,
        charge=Charge(provider=provider, account=account, model=model, task=task, by=by),
    )


RESERVED = an_entry(EntryKind.RESERVE)
ASSUMED = an_entry(
    EntryKind.SETTLE,
    at_ms=T0_MS + 3_600_000,
    by="unknown:assume_charged",
    spent=5,
    account="main",
)


def left(
    *listed: Listed, entries: tuple[Entry, ...] = (), rule: OrphanRule = OrphanRule.ALL
) -> list[str]:
    """Tasks that nothing explains."""
    known = Explanations("kling", "main", listed)
    for entry in entries:
        known.note(entry)
    return [each.task for each in known.unexplained(rule, MODELS)]


def test_whose_operations_may_be_orphans_is_a_rule() -> None:
    listed = (NAMED, BARE, FOREIGN)
    assert ["t-1", "t-2", "t-3"] == left(*listed)
    assert ["t-1"] == left(*listed, rule=OrphanRule.NAMED)
    known = Explanations("kling", "main", listed)
    assert (2, 0) == (known.strangers(OrphanRule.NAMED), known.strangers(OrphanRule.ALL))


@pytest.mark.parametrize(
    "text", [None, "", "video", a_job_id(1), f"{a_job_id(1)}-0", f"{ATTEMPT} "]
)
def test_what_is_not_the_id_of_an_attempt(text: str | None) -> None:
    assert not is_attempt(text)
    assert is_attempt(ATTEMPT)


@pytest.mark.parametrize(
    "entry",
    [
        RESERVED,
        an_entry(EntryKind.RELEASE, by="unknown:release"),
        an_entry(EntryKind.SETTLE, attempt="v-9", task="t-1", account="main"),
        an_entry(EntryKind.UNATTRIBUTED, attempt="", task="t-1"),
        an_entry(EntryKind.UNATTRIBUTED, attempt="", task=ATTEMPT),
    ],
)
def test_an_entry_that_names_it_explains_it(entry: Entry) -> None:
    assert [] == left(NAMED, entries=(entry,))


@pytest.mark.parametrize(
    "entry",
    [
        replace(RESERVED, attempt=f"{a_job_id(1)}-2"),
        an_entry(EntryKind.SETTLE, attempt="v-9", task="t-1", provider="vertex"),
        an_entry(EntryKind.SETTLE, attempt="v-9", task="t-1", account="other"),
    ],
)
def test_an_entry_about_something_else_explains_nothing(entry: Entry) -> None:
    assert ["t-1"] == left(NAMED, entries=(entry,))


def test_an_attempt_that_bought_nobody_knows_what_explains_one_task() -> None:
    young, old = replace(BARE, task="t-4", created_at_ms=T0_MS + 1), BARE
    assert ["t-4"] == left(young, old, entries=(RESERVED, ASSUMED))
    assert ["t-4"] == left(young, old, entries=(RESERVED,))


@pytest.mark.parametrize(
    "listed",
    [
        replace(BARE, upstream="other"),
        replace(BARE, created_at_ms=T0_MS - 1001 - SKEW_MS),
        replace(BARE, created_at_ms=T0_MS + 3_600_001 + SKEW_MS),
        NAMED,
    ],
    ids=["another model", "before it", "after it", "another attempt"],
)
def test_what_it_cannot_have_bought_is_left(listed: Listed) -> None:
    reserved, assumed = (replace(entry, attempt="v-9") for entry in (RESERVED, ASSUMED))
    assert [listed.task] == left(listed, entries=(reserved, assumed))
    assert [] == left(replace(BARE, upstream=None), entries=(reserved, assumed))


@pytest.mark.parametrize(
    "ending",
    [
        an_entry(EntryKind.RELEASE, by="unknown:release", account="main"),
        an_entry(EntryKind.SETTLE, by="bills_on:full", spent=5, account="main"),
        replace(ASSUMED, charge=replace(ASSUMED.charge, task="t-8")),
        replace(ASSUMED, charge=replace(ASSUMED.charge, account="other")),
    ],
    ids=["released", "billed without a task", "has its task", "elsewhere"],
)
def test_an_attempt_of_which_all_is_known_explains_nothing_more(ending: Entry) -> None:
    assert ["t-2"] == left(BARE, entries=(RESERVED, ending))


def test_an_attempt_that_an_invoice_denied_explains_nothing() -> None:
    denied = replace(ASSUMED, kind=EntryKind.ADJUST, spent_micro_usd=-5)
    assert ["t-2"] == left(BARE, entries=(RESERVED, ASSUMED, denied))
    assert [] == left(BARE, entries=(RESERVED, ASSUMED, replace(denied, spent_micro_usd=-1)))


def test_an_unfinished_job_explains_its_attempts_and_tasks() -> None:
    first = replace(an_attempt(1), operation={"task_id": "t-2"}, submitted_at_ms=T0_MS)
    second = replace(an_attempt(2), submitted_at_ms=T0_MS)
    job = a_job(id=a_job_id(1), attempts=(first, second))
    named = replace(NAMED, external_id=f"{job.id}-2")
    known = Explanations("kling", "main", (named, BARE, replace(BARE, task="t-5")))
    known.note_job(job)
    known.note(replace(RESERVED, attempt=f"{job.id}-2"))
    assert [] == known.unexplained(OrphanRule.ALL, MODELS)


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_job_that_was_not_sent_or_has_its_task_explains_nothing_else(is_sent: bool) -> None:
    attempt = an_attempt(1)
    if is_sent:
        attempt = replace(attempt, operation={"task_id": "t-9"}, submitted_at_ms=T0_MS)
    known = Explanations("kling", "main", (BARE,))
    known.note_job(a_job(id=a_job_id(1), attempts=(attempt,)))
    known.note(RESERVED)
    assert [BARE] == known.unexplained(OrphanRule.ALL, MODELS)


SHAPE = Shape(seconds=4, resolution="1080p", aspect_ratio="16:9", audio=False)
OFFER = replace(an_offer(), upstream="kling-v3")
FULL = replace(OFFER, bills_on=BillsOn(failed=Billing.FULL))
PRICE = 4 * OFFER.prices[0].per_second_micro_usd


@pytest.mark.parametrize(
    ("listed", "offers", "micro_usd"),
    [
        (replace(BARE, charge_micro_usd=7, shape=SHAPE), [OFFER], 7),
        (replace(BARE, charge_micro_usd=0, shape=SHAPE), [OFFER], 0),
        (replace(BARE, shape=SHAPE), [OFFER], PRICE),
        (BARE, [OFFER], None),
        (replace(BARE, shape=SHAPE), [], None),
        (replace(BARE, shape=replace(SHAPE, resolution="480p")), [OFFER], None),
        (replace(BARE, shape=SHAPE, fate=Fate.FAILED), [OFFER], 0),
        (replace(BARE, shape=SHAPE, fate=Fate.FAILED), [FULL], PRICE),
        (replace(BARE, fate=Fate.FAILED), [], 0),
    ],
)
def test_an_orphan_costs_what_its_vendor_says_else_the_price_book(
    listed: Listed, offers: list[Offer], micro_usd: int | None
) -> None:
    orphan = orphan_of("kling", "main", listed, offers)
    assert micro_usd == orphan.micro_usd
    assert ("kling", "main", "t-2") == (
        orphan.charge.provider,
        orphan.charge.account,
        orphan.charge.task,
    )


def test_an_orphan_says_what_its_price_rests_on() -> None:
    booked = orphan_of("kling", "main", replace(BARE, shape=SHAPE), [OFFER]).charge
    assert ("orphan:price_book", OFFER.prices[1].id, "kling-3.0", 4, "1080p") == (
        booked.by,
        booked.price_id,
        booked.model,
        booked.seconds,
        booked.resolution,
    )
    told = orphan_of("kling", "main", replace(NAMED, charge_micro_usd=3), []).charge
    assert ("orphan:reported", "", "") == (told.by, told.price_id, told.model)
