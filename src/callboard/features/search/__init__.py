"""One box that finds entities, documentation, and whatever plugins add, by words, names, prefixes and near misses."""
