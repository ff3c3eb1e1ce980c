"""PostgreSQL: the ledger and the registry."""
