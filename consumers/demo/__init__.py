"""`gatekeeper demo`: the gate at work on embedded parts, with a sample registry and orders that each tell a story."""
