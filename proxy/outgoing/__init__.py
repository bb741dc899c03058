"""The guard: URLs of callers, and out of vendors' answers, are fetched through here only."""
