"""What became of the goods: what was reported, the records that follow, and what left past the gate."""
