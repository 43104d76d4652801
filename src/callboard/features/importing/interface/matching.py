"""Names and owners as importing cleans and matches them: part of its face, for features that bring things in from elsewhere."""

from __future__ import annotations

from callboard.features.importing.domain.naming import clean_name as clean_name
from callboard.features.importing.domain.naming import clean_tag as clean_tag
from callboard.features.importing.domain.naming import one_line as one_line
from callboard.features.importing.domain.naming import short as short
from callboard.features.importing.domain.owners import made_ref as made_ref
from callboard.features.importing.domain.owners import match_owners as match_owners
