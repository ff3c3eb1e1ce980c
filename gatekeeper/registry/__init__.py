"""The registry: facts and snapshots in, how fresh it is, and what it says in both times."""
