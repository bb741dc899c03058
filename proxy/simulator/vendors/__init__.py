"""One package per vendor; `proxy.simulator.app` holds the table of them."""
