"""Frozen values and pure decisions; standard library only."""
