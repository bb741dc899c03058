"""The simulator over real HTTP: wire formats, scenarios, invoice, clips."""
