"""The rules of each REMS, as TOML."""
