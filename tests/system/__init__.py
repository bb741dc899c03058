"""Real processes: the simulator and the proxy, killed and restarted."""
