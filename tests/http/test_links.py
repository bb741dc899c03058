from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.errors import Unauthenticated
from proxy.http.links import LINK_LIFETIME_S, Links, SignedLink
from tests.builders import NOW_S

LINKS = Links(secret=b"0123456789abcdef")


def sign(
    job_id: str = "video_a", *, now_s: float = NOW_S, until_s: float | None = None
) -> SignedLink:
    return LINKS.sign(job_id, origin="http://host", now_s=now_s, until_s=until_s)


def verify(
    link: SignedLink, job_id: str = "video_a", *, now_s: float = NOW_S, is_source: bool = False
) -> None:
    query = parse_qs(urlsplit(link.url).query)
    LINKS.verify(
        job_id,
        expires=query["expires"][0],
        signature=query["signature"][0],
        now_s=now_s,
        is_source=is_source,
    )


def test_a_signed_link_holds_until_it_expires() -> None:
    link = sign()
    verify(link)
    verify(link, now_s=link.expires_at_s - 1)
    with pytest.raises(Unauthenticated):
        verify(link, now_s=link.expires_at_s)


def test_a_link_lives_an_hour_at_most_and_stays_the_same_for_ten_minutes() -> None:
    assert sign() == sign(now_s=NOW_S + 599)
    for late_s in range(0, 600, 7):
        assert NOW_S + late_s + 3000 <= sign(now_s=NOW_S + late_s).expires_at_s
        assert sign(now_s=NOW_S + late_s).expires_at_s <= NOW_S + late_s + LINK_LIFETIME_S


def test_a_link_begins_with_the_public_url() -> None:
    public = replace(LINKS, public_url="https://video.example.com/gl")
    link = public.sign("video_a", origin="http://host", now_s=NOW_S, until_s=None)
    assert link.url.startswith("https://video.example.com/gl/v1/videos/video_a/content?")
    verify(link)


def test_a_link_dies_with_its_artifact() -> None:
    assert int(NOW_S) + 30 == sign(until_s=NOW_S + 30).expires_at_s


def test_a_link_is_for_one_job() -> None:
    with pytest.raises(Unauthenticated):
        verify(sign(), "video_b")


def test_a_link_of_another_secret_is_refused() -> None:
    other = replace(LINKS, secret=b"fedcba9876543210")
    with pytest.raises(Unauthenticated):
        verify(other.sign("video_a", origin="", now_s=NOW_S, until_s=None))


def test_a_later_expiry_breaks_the_signature() -> None:
    link = sign()
    later = replace(link, url=link.url.replace(str(link.expires_at_s), str(link.expires_at_s + 1)))
    with pytest.raises(Unauthenticated):
        verify(later)


def test_the_public_address_wins_over_the_requests() -> None:
    public = replace(LINKS, public_url="https://video.example.com")
    url = public.sign("video_a", origin="http://host", now_s=NOW_S, until_s=None).url
    assert url.startswith("https://video.example.com/v1/videos/video_a/content?")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(AssertionError):
        Links(secret=b"short")


@given(st.text(max_size=20), st.text(max_size=50))
def test_anything_else_is_refused(expires: str, signature: str) -> None:
    with pytest.raises(Unauthenticated):
        LINKS.verify("video_a", expires=expires, signature=signature, now_s=NOW_S)


def test_a_link_to_a_source_is_for_nothing_else() -> None:
    public = replace(LINKS, public_url="https://video.example.com/gl")
    link = public.sign_source("video_a", now_s=NOW_S)
    assert link.url.startswith("https://video.example.com/gl/v1/videos/video_a/content?variant=")
    assert ["source"] == parse_qs(urlsplit(link.url).query)["variant"]
    verify(link, is_source=True)
    with pytest.raises(Unauthenticated):
        verify(link)
    with pytest.raises(Unauthenticated):
        verify(link, now_s=link.expires_at_s, is_source=True)
    with pytest.raises(Unauthenticated):
        verify(sign(), is_source=True)
