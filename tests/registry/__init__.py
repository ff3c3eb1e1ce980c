"""What the registry is told by topic, on a real database."""
