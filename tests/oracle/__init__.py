"""A second formulation of the decision rules, written from the contract alone. It imports nothing from the gatekeeper."""
