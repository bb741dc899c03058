"""Tests of `proxy.telemetry`."""
