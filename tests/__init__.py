"""The tests of the gatekeeper, in folders that mirror its packages."""
