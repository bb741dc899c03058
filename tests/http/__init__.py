"""Tests of the HTTP edge, over real HTTP on loopback."""
