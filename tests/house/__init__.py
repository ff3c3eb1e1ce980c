"""The house checks itself: direction, names, sizes, locks, clocks."""
