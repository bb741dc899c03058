"""The use cases and their ports; async, no I/O library."""
