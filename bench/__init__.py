"""Benchmarks of the store: python -m bench."""
