"""The files as strict models, one module per kind of file."""
