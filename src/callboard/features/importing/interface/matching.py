"""Names and owners as importing cleans and matches them: part of its face, for features that bring things in from elsewhere."""

from __future__ import annotations

from callboard.features.importing.domain.naming import clean_name
from callboard.features.importing.domain.naming import clean_tag
from callboard.features.importing.domain.naming import find_repository
from callboard.features.importing.domain.naming import one_line
from callboard.features.importing.domain.naming import short
from callboard.features.importing.domain.owners import made_ref
from callboard.features.importing.domain.owners import match_owners

__all__ = ["clean_name", "clean_tag", "find_repository", "made_ref", "match_owners", "one_line", "short"]
