"""Greenlight's own tests, laid out as a mirror of `proxy/`."""
