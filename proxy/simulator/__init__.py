"""The vendors' wire formats as one HTTP server, with scenarios and an invoice."""
