"""The gateway over the real store, with scripted providers."""
