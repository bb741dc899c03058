"""The store: Redis or Valkey behind the ports of the gateway."""
