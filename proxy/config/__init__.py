"""Reads config.yaml and the policies folder into one checked, immutable snapshot."""
