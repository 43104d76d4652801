"""How entities are found: what search knows of them, and who may find what belongs to them."""
