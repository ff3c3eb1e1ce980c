"""Faults: the consumers are killed, paused and cut off under a load whose right answers are known."""
