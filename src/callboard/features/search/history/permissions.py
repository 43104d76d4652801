"""What may be permitted about what others searched for."""

from __future__ import annotations

from callboard.kernel.permissions import Permission

READ_UNANSWERED = Permission(
    "search.unanswered.read", "read", None, "See what people searched for without finding anything, without who."
)
DELETE_UNANSWERED = Permission(
    "search.unanswered.delete", "delete", None, "Take terms off the list of searches without result."
)
PERMISSIONS: tuple[Permission, ...] = (READ_UNANSWERED, DELETE_UNANSWERED)
