"""The vendors' own SDKs against the simulator; each test skips itself without its SDK."""
