"""OpenAI's Videos API as it was until 2026-09-24, and as compatible servers still speak it."""
