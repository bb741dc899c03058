"""Runway's API: one path per kind of input, tasks at `/v1/tasks/{id}`, money in credits."""
