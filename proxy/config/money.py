"""Reads amounts of money as they are written in the files: `"$5000"`, `"$0.112"`."""

import re
from typing import Final

from proxy.domain.money import parse_usd

_DOLLARS: Final = re.compile(r"\$([0-9]{1,15}(?:\.[0-9]{1,6})?)", re.ASCII)


def parse_micro_usd(value: object) -> int:
    """Read `"$12.50"` as micro-dollars.

    Raises:
        ValueError: Not such a text, or 2^53 micro-dollars and above.
    """
    found = _DOLLARS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        message = (
            f"{str(value)[:40]!r} is not an amount of money; write it in quotes with its sign, "
            'without separators and with at most six decimals, such as "$5000" or "$0.112"'
        )
        raise ValueError(message)
    return parse_usd(found[1])
