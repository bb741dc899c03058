"""Proofs that take too long for every change: `make soak`."""
