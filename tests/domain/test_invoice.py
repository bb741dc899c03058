"""Invoices as they are read."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.invoice import BadInvoiceError, InvoiceLine, parse_invoice


def lines_of(text: str, provider: str = "") -> tuple[InvoiceLine, ...]:
    return parse_invoice(text.encode(), provider=provider).lines


def test_a_line_names_a_task_in_dollars() -> None:
    assert (
        InvoiceLine(
            number=2, provider="kling", task="t1", external_id="a-1", amount_micro_usd=336_000
        ),
    ) == lines_of("provider,task_id,external_id,amount\nkling,t1,a-1,0.336\n")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("task,micro_usd\nt1,336000\n", 336_000),
        ("task,micro_usd\nt1,-5\n", -5),
        ("task,micro_usd\nprojects/p/operations/t1,5\n", 5),
        ("Task , Amount\nt1, $0.336\n", 336_000),
        ("task,amount_usd\nt1,-$1\n", -1_000_000),
        ("\ufefftask,amount,currency\r\nt1,1.5,usd\r\n", 1_500_000),
        ('task,amount,note\nt1,1,"a, b"\n\n', 1_000_000),
        ("task,amount,note\nt1,1\n", 1_000_000),
    ],
)
def test_forms_of_one_line(text: str, amount: int) -> None:
    (line,) = lines_of(text, "kling")
    assert ("kling", "t1", "", amount) == (
        line.provider,
        line.task,
        line.external_id,
        line.amount_micro_usd,
    )


def test_a_vendor_may_bill_nothing() -> None:
    invoice = parse_invoice(b"task,amount\n", provider="kling")
    assert not invoice.lines
    assert {"kling"} == invoice.providers
    mixed = parse_invoice(b"task,amount,provider\nt1,1,vertex\nt2,1,\n", provider="kling")
    assert {"vertex", "kling"} == mixed.providers


def test_a_file_s_own_provider_comes_first() -> None:
    text = "vendor,attempt,amount\nvertex,a-1,1\n,b-1,2\n"
    assert ["vertex", "kling"] == [line.provider for line in lines_of(text, "kling")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("task,amount,provider\n", "the file has no line"),
        ("task;amount;provider\nt1;1;kling\n", "separated by commas, not by semicolons"),
        ("amount,provider\n1,kling\n", "task_id or external_id"),
        ("task,provider\nt1,kling\n", "exactly one column of amount and micro_usd"),
        ("task,provider,amount,micro_usd\n", "exactly one column of amount and micro_usd"),
        ("task,amount\n", "column provider is needed"),
        ("task,task_id,amount,provider\n", "same meaning"),
        ("task,amount,provider\nt1,,kling\n", "line 2: the amount is empty"),
        ("task,micro_usd,provider\nt1,,kling\n", "line 2: the amount is empty"),
        ("task,micro_usd,provider\nt1,1.5,kling\n", "whole number"),
        ("task,micro_usd,provider\nt1,99999999999999999,kling\n", "too large"),
        ("task,amount,provider\nt1,1,\n", "line 2: provider is empty"),
        (
            "task,amount,provider\nt1,a dollar,kling\n",
            "'a dollar' is not a plain decimal dollar amount, such",
        ),
        ("task,amount,provider\nt1,0.1234567,kling\n", "finer than a micro-dollar"),
        ("task,amount,provider,currency\nt1,1,kling,EUR\n", "EUR is not USD"),
        ('task,amount\n"t1', "not CSV"),
    ],
)
def test_anything_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadInvoiceError, match=message):
        lines_of(text)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(BadInvoiceError, match="not CSV in UTF-8"):
        parse_invoice(b"\xff\xfe")


def test_of_many_problems_the_first_are_told() -> None:
    with pytest.raises(BadInvoiceError) as refused:
        lines_of("task,amount,provider\n" + "t1,,kling\n" * 25)
    assert (21, "and 5 more") == (len(refused.value.problems), refused.value.problems[-1])


def test_equal_files_have_equal_digests() -> None:
    content = b"task,amount,provider\nt1,1,kling\n"
    assert parse_invoice(content).digest == parse_invoice(content).digest
    assert parse_invoice(content).digest != parse_invoice(content + b"\n").digest


@given(st.binary(max_size=200))
def test_any_bytes_are_an_invoice_or_problems(content: bytes) -> None:
    with contextlib.suppress(BadInvoiceError):
        assert parse_invoice(b"task,amount,provider\n" + content).digest
