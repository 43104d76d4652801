"""From sources to documents that can be placed: reading targets, and judging what was read."""
