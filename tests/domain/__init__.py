"""Tests of `proxy.domain`: pure functions, with properties where there is an oracle."""
