"""Veo on Vertex AI."""
