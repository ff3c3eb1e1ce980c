"""The API on a real ledger, as its callers see it."""
