"""Use cases of the catalog: authorise, decide, store, announce."""
