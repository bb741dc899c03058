"""Adapters against raw sockets, recorded answers, and the simulated providers."""
