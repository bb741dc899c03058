"""The demonstration: proxy, store and simulated providers on one machine, with throw-away keys."""
