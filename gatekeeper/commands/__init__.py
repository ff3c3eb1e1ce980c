"""The commands that need the ledger, one module each."""
