"""Kling."""
