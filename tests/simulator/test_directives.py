from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.simulator.directives import (
    DIRECTIVE_KEYS,
    DOWNLOAD_FAULTS,
    OUTCOMES,
    SUBMIT_FAULTS,
    BadDirectiveError,
    Plan,
    merge,
    parse_group,
    parse_prompt,
)

VENDORS = ("kling", "vertex")


def test_a_prompt_without_directives_gives_a_well_behaved_vendor() -> None:
    assert Plan() == merge([])
    assert () == parse_prompt("a cat [in a hat]", VENDORS)


def test_every_value_is_read() -> None:
    (group,) = parse_prompt(
        "[[kling: submit=503 retry_after=7 outcome=internal render=0.5 bill=1.5x status=429 "
        "status_times=2 find=hang find_times=3 download=slow bytes=50MB url=http://10.0.0.1/a "
        "redirect=https://[::1]:80/ label=take-1 times=4]] a",
        VENDORS,
    )
    assert ("kling", 4) == (group.vendor, group.times)
    assert merge([group]) == Plan(
        submit="503",
        retry_after_s=7,
        outcome="internal",
        render_s=0.5,
        bill=Fraction(3, 2),
        status="429",
        status_times=2,
        find="hang",
        find_times=3,
        download="slow",
        clip_bytes=50_000_000,
        url="http://10.0.0.1/a",
        redirect="https://[::1]:80/",
        label="take-1",
    )


def test_a_later_group_overrides_an_earlier_one() -> None:
    groups = parse_prompt("[[render=1 bill=2x]] [[render=3]]", VENDORS)
    assert Plan(render_s=3.0, bill=Fraction(2)) == merge(groups)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[submit=200]]", "'200'"),
        ("[[outcome=fine]]", "'fine'"),
        ("[[speed=2]]", "speed=2"),
        ("[[503]]", "503"),
        ("[[render=fast]]", "fast"),
        ("[[render=-1]]", "-1"),
        ("[[render=1e3]]", "1e3"),
        ("[[render=86401]]", "86401"),
        ("[[bill=x]]", "bill"),
        ("[[times=0]]", "times"),
        ("[[bytes=1]]", "bytes"),
        ("[[bytes=9GB]]", "bytes"),
        ("[[label=a/b]]", "label"),
        ("[[url=elsewhere]]", "url"),
        ("[[redirect=http://ü/]]", "redirect"),
        ("[[render=\u0661]]", "render"),
        ("[[sora: render=1]]", "sora"),
        ("[[render=1 render=2]]", "twice"),
        ("[[]]", "nothing"),
        ("[[kling:]]", "nothing"),
        ("[[render=1", "never closed"),
    ],
)
def test_what_is_not_understood_is_named(text: str, named: str) -> None:
    with pytest.raises(BadDirectiveError, match=named.replace("'", ".")):
        parse_prompt(f"a cat {text}", VENDORS)


@given(st.text() | st.text("[]:=abc 01", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(BadDirectiveError):
        merge(parse_prompt(text, VENDORS))


@given(st.lists(st.sampled_from(DIRECTIVE_KEYS)), st.text("=x.01MB", max_size=8))
def test_any_group_is_read_or_refused(keys: list[str], value: str) -> None:
    with suppress(BadDirectiveError):
        merge([parse_group(" ".join(f"{key}={value}" for key in keys), VENDORS)])


@given(
    words=st.tuples(
        st.sampled_from(sorted(SUBMIT_FAULTS)),
        st.sampled_from(sorted(OUTCOMES)),
        st.sampled_from(sorted(DOWNLOAD_FAULTS)),
    ),
    render=st.decimals(0, 86_400, places=3),
    bill=st.decimals(0, 100, places=4),
)
def test_what_is_written_is_what_is_read(
    words: tuple[str, str, str], render: Decimal, bill: Decimal
) -> None:
    submit, outcome, download = words
    text = (
        f"[[submit={submit} outcome={outcome} download={download} render={render} bill={bill}x]]"
    )
    plan = merge(parse_prompt(text, VENDORS))
    assert words == (plan.submit, plan.outcome, plan.download)
    assert (float(render), Fraction(bill)) == (plan.render_s, plan.bill)
