"""The shared vocabulary as pure values: entity refs, kinds, validation, relations, predicates. No I/O, no clock."""
