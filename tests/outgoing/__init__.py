"""Tests of proxy.outgoing."""
