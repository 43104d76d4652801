"""Names and owners as importing cleans and matches them: part of its face, for features that bring things in from elsewhere."""

from __future__ import annotations

from callboard.features.importing.domain.naming import clean_name, clean_tag, find_repository, one_line, short
from callboard.features.importing.domain.owners import made_ref, match_owners

__all__ = ["clean_name", "clean_tag", "find_repository", "made_ref", "match_owners", "one_line", "short"]
