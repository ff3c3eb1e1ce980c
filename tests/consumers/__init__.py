"""The Kafka edge: pure parts, and the loop on a real broker and a real database."""
