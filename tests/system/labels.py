"""Names that prompts carry, by which a job is found again in what the simulated vendors say."""

from __future__ import annotations

import re


def labelled(prompt: str, label: str) -> str:
    """A prompt whose calls and whose line of the invoice carry a label."""
    return f"{prompt} [[label={label}]]"


def label_in(prompt: str) -> str:
    """The label that a prompt holds; empty if it has none."""
    found = re.search(r"\[\[label=(\S+?)\]\]", prompt)
    return found[1] if found else ""
