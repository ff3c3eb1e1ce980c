"""The gate and its ledger, on a real PostgreSQL."""
