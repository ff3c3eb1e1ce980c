"""`gatekeeper demo`: the gate at work on embedded parts, with a sample registry, orders that each tell a story, and a REMS."""
