"""Tests of what the ledger is exported as."""
