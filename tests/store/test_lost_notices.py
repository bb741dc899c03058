"""The scripts of notices, their reply lost: sent again, each has acted once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from proxy.gateway.ports.letters import Wanted
from proxy.gateway.ports.notices import Letter, Outcome
from proxy.store.letters import RedisLetters
from tests.builders import MARKETING
from tests.job_builders import a_mandate
from tests.store.stores import Store, a_balance
from tests.store.test_notices import a_mail
from tests.store.test_outbox import broken, ended, failed, post

if TYPE_CHECKING:
    from proxy.gateway.ports.letters import Text
    from proxy.gateway.ports.notices import Mail
    from tests.store.losing import Losing


@pytest.mark.loses("mark")
async def test_mark(losing: Losing) -> None:
    name = a_balance().name
    for marks, is_news in ((["50", "80"], True), (["80"], False), (["50", "70", "80"], False)):
        assert is_news is await losing.once(
            partial(_marks, balance=name, marks=marks, mail=a_mail("one", "other"))
        )


async def _marks(far: Store, *, balance: str, marks: list[str], mail: Mail) -> bool:
    return await far.bulletin.mark(MARKETING, balance, marks, mail)


@pytest.mark.loses("tell_once")
async def test_tell_once(losing: Losing) -> None:
    mail = a_mail()
    assert await losing.once(lambda far: far.bulletin.tell_once("it", mail, silence_s=60))
    again = a_mail(number=2)
    assert not await losing.once(lambda far: far.bulletin.tell_once("it", again, silence_s=60))


@pytest.mark.loses("follow")
async def test_follow(losing: Losing) -> None:
    mails = [a_mail(), a_mail(number=2)]
    assert await losing.once(lambda far: far.bulletin.follow(None, "5-0", mails))
    assert await losing.once(lambda far: far.bulletin.follow("5-0", "6-0", ()))
    assert not await losing.once(lambda far: far.bulletin.follow("5-0", "7-0", ()))


@pytest.mark.loses("letter_take", "letter_end")
async def test_sending_a_letter(losing: Losing) -> None:
    await losing.store.bulletin.tell_once("it", a_mail("one"), silence_s=60)
    first = await losing.once(take)
    assert isinstance(first, Letter)
    await losing.once(lambda far: far.outbox.note(first, failed()))
    again = await losing.once(take)
    assert isinstance(again, Letter)
    assert (1, 2) == (first.tries, again.tries)
    await losing.once(lambda far: far.outbox.note(again, ended()))
    assert ([], None) == await losing.store.outbox.due(9)


@pytest.mark.loses("letter_take", "letter_end")
async def test_the_last_probe_of_a_receiver_that_rests(losing: Losing) -> None:
    await broken(losing.store)
    await post(losing.store, "one", number=101)
    probe = await losing.once(lambda far: take(far, "msg_101:one"))
    assert isinstance(probe, Letter)
    await losing.once(lambda far: far.outbox.note(probe, failed()))


async def take(far: Store, name: str = "msg_1:one") -> Letter | None:
    return await far.outbox.take(name, lease_s=60, patience_s=60)


@pytest.mark.loses("silence")
async def test_silence(losing: Losing) -> None:
    for receiver in ("one", "other", "one"):
        await losing.once(partial(_silence, receiver=receiver))
    assert {"one", "other"} == await losing.store.outbox.silenced("d1")


async def _silence(far: Store, *, receiver: str) -> None:
    await far.outbox.silence(receiver, "d1")


@pytest.mark.loses("replay")
async def test_replay(losing: Losing) -> None:
    store = losing.store
    name = await post(store, "one")
    letter = await take(store, name)
    assert letter is not None
    await store.outbox.note(letter, ended(Outcome.SILENCED))
    await store.outbox.silence("one", "d1")
    letters = RedisLetters(store.client, store.keys)
    found, _ = await letters.undelivered(Wanted(), 9)
    texts = [each.text for each in found]
    assert 1 == await losing.once(partial(_replay, texts=texts))
    assert 2 == (await store.client.read(("XLEN", store.keys.audit()))) + 1
    assert ["one"] == (await store.outbox.due(9))[0]
    assert await losing.once(partial(_replay, texts=texts)) == 1


async def _replay(far: Store, *, texts: list[Text]) -> int | None:
    letters = RedisLetters(far.client, far.keys)
    return await letters.put_back(texts, a_mandate("1"), "receiver:one")
