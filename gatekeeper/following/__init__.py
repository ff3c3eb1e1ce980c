"""What follows from a change: stopped and released lines judged again, look-backs, recalls."""
