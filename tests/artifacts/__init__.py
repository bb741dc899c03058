"""Tests of `proxy.artifacts`, on real files."""
