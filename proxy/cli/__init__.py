"""The command line: each command is one module, imported only when it is called."""
