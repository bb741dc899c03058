"""Which URLs out of an answer are fetched."""

from __future__ import annotations

import pytest

from proxy.providers.output_url import RefusedUrl, check_output_url

HOSTS = ("klingai.com", "kechuangai.com")
SECURE = "https://api-singapore.klingai.com"
LOCAL = "http://127.0.0.1:9000/kling"


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
        ("http://[::1]:9000/kling", "http://[::1]:9000/clips/1.mp4"),
    ],
)
def test_the_providers_own_urls_are_fetched_exactly_as_written(base_url: str, url: str) -> None:
    checked = check_output_url(url, base_url=base_url, host_suffixes=HOSTS)
    written = url.removeprefix("https://").partition("/")[2]
    assert str(checked).endswith(written)


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
        check_output_url(url, base_url=SECURE, host_suffixes=HOSTS)
    assert "klingai" not in str(caught.value)


def test_another_port_of_the_same_host_is_another_origin() -> None:
    with pytest.raises(RefusedUrl):
        check_output_url("http://127.0.0.1:9001/1.mp4", base_url=LOCAL, host_suffixes=HOSTS)
