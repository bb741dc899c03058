"""The ledger as files: its entries as they are, and charges as FOCUS rows."""
