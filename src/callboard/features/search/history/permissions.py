"""What may be permitted about what others searched for."""

from __future__ import annotations

from callboard.kernel.permissions import Permission

READ_UNANSWERED = Permission(
    "search.unanswered.read", "read", None, "See what people searched for without finding anything, without who."
)
DELETE_UNANSWERED = Permission(
    "search.unanswered.delete", "delete", None, "Take terms off the list of searches without result."
)
READ_SYNONYMS = Permission(
    "search.synonym.read", "read", None, "See which words mean the same to search, and where that was learnt."
)
UPDATE_SYNONYMS = Permission(
    "search.synonym.update", "update", None, "Add synonyms, take them away, and switch learnt ones off and on."
)
PERMISSIONS: tuple[Permission, ...] = (READ_UNANSWERED, DELETE_UNANSWERED, READ_SYNONYMS, UPDATE_SYNONYMS)
