"""What is decided. This folder does no I/O: no clock, no network, no database, no logging.

It imports the language only, so that any decision can be read, run and re-run by itself.
"""
