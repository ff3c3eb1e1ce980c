"""Real servers for tests, each on 127.0.0.1 and ended by its process id."""
