"""`greenlight ledger`: the ledger for those who check it."""
