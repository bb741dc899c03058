"""Kling's new API design: the model in the path, tasks queried at `/tasks`."""
