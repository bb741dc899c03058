"""Which URLs out of an answer are fetched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.outgoing.address import is_public
from proxy.outgoing.url import Destination, RefusedUrl, Target, check_url

HOSTS = ("klingai.com", "kechuangai.com")
SECURE = "https://api-singapore.klingai.com"
LOCAL = "http://127.0.0.1:9000"


def vendor(origin: str) -> Destination:
    is_http = origin.startswith("http:")
    return Destination(origins=(origin,), host_suffixes=HOSTS, is_http_allowed=is_http)


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        (SECURE, "https://v4-kling.kechuangai.com/bs2/out.mp4?x-kcdn-pid=112452"),
        (SECURE, "https://klingai.com/out.mp4"),
        (SECURE, "https://V4.KlingAI.com/out.mp4"),
        (SECURE, "https://cdn.klingai.com:443/out.mp4"),
        (SECURE, "https://api-singapore.klingai.com/out.mp4?sig=a%2Fb%2B=&x=%7E"),
        (LOCAL, "http://127.0.0.1:9000/clips/1.mp4"),
        (LOCAL, "https://cdn.klingai.com/out.mp4"),
        (LOCAL, "http://cdn.klingai.com/out.mp4"),
        ("http://[::1]:9000", "http://[::1]:9000/clips/1.mp4"),
    ],
)
def test_the_providers_own_urls_are_fetched_exactly_as_written(base_url: str, url: str) -> None:
    checked = check_url(url, vendor(base_url))
    written = url.removeprefix("https://").partition("/")[2]
    assert str(checked.url).endswith(written)


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.klingai.com/out.mp4",
        "https://klingai.com.evil.example/out.mp4",
        "https://evilklingai.com/out.mp4",
        "https://evil.example/klingai.com",
        "https://klingai.com@evil.example/out.mp4",
        "https://user:secret@cdn.klingai.com/out.mp4",
        "https://cdn.klingai.com:8443/out.mp4",
        "https://cdn.klingai.com:99999/out.mp4",
        "https://127.0.0.1/out.mp4",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/out.mp4",
        "ftp://cdn.klingai.com/out.mp4",
        "file:///etc/passwd",
        "gs://bucket/out.mp4",
        "//cdn.klingai.com/out.mp4",
        "/out.mp4",
        "https:///out.mp4",
        "https://cdn.klingai.com/a b.mp4",
        "https://evil.example\\@cdn.klingai.com/out.mp4",
        "https://cdn.klingai.com/\r\nHost: evil.example",
        "https://cdn.klingai.com/" + "a" * 9_000,
        "",
        None,
        7,
        ["https://cdn.klingai.com/out.mp4"],
    ],
)
def test_any_other_url_is_refused_without_repeating_it(url: object) -> None:
    with pytest.raises(RefusedUrl) as caught:
        check_url(url, vendor(SECURE))
    assert "klingai" not in str(caught.value)


def test_another_port_of_the_same_host_is_another_origin() -> None:
    with pytest.raises(RefusedUrl):
        check_url("http://127.0.0.1:9001/1.mp4", vendor(LOCAL))


@given(
    st.one_of(
        st.text(max_size=60),
        st.from_regex(r"https?://[ -~]{0,60}", fullmatch=True),
        st.ip_addresses().map(
            lambda ip: f"https://[{ip}]/" if ip.version == 6 else f"https://{ip}/"
        ),
    )
)
def test_any_text_is_checked_or_refused(text: str) -> None:
    found = outcome(text)
    if isinstance(found, RefusedUrl):
        assert len(text) < 12 or text not in str(found)
        return
    url = found.url
    assert ("https", 443, None, None) == (url.scheme, url.port, url.user, url.password)
    assert url.host is not None
    is_address = ":" in url.host or url.host.rstrip(".").rpartition(".")[2].isdigit()
    assert not is_address or is_public(url.host)


def outcome(text: str) -> Target | RefusedUrl:
    try:
        return check_url(text, Destination())
    except RefusedUrl as refused:
        return refused
