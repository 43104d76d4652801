"""Decisions of importing as plain functions: what columns mean (``columns``), names and addresses (``naming``), owners, and what an import would do (``planning``)."""

from __future__ import annotations

from callboard.features.importing.domain.columns import guess_columns, mapping_from
from callboard.features.importing.domain.naming import clean_name
from callboard.features.importing.domain.owners import match_owners
from callboard.features.importing.domain.planning import plan_table, wanted_refs

__all__ = ["clean_name", "guess_columns", "mapping_from", "match_owners", "plan_table", "wanted_refs"]
