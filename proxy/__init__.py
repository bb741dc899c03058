"""Greenlight: a budget-aware routing proxy for asynchronous video-generation APIs."""
