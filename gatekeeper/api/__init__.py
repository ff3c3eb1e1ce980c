"""The desk's and the partners' HTTP: a module an area, each with one blueprint. Nothing here decides; it asks what decides and shows it."""
