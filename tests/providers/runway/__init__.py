"""Runway's adapter."""
