"""What is decided, kept and shown."""
