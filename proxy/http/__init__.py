"""The HTTP edge: OpenAI's Videos dialect in front of the use cases, and the admin listener."""
