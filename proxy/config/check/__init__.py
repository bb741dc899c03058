"""Findings that need more than one value: references, repetitions, dates."""
