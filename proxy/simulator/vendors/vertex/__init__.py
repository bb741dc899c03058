"""Veo on Vertex AI: `:predictLongRunning` and `:fetchPredictOperation`."""
