"""What may be permitted about the index."""

from __future__ import annotations

from callboard.kernel.permissions import Permission

REBUILD_INDEX = Permission("search.index.rebuild", "update", None, "Forget the index of search and make it again.")
