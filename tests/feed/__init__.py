"""What the REMS are sent and what they say of it."""
