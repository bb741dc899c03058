"""The adapter of the Videos API."""
