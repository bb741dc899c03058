"""The composition root and what it starts, watches and stops."""
