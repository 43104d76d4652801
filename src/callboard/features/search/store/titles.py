"""What documents are called and where they are, for those who may see them."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import orjson

from callboard.features.search.interface import VisibleSet
from callboard.features.search.store.documents import resource_of
from callboard.kernel.db.interface import Transaction

AT_ONCE = 500


def shown_title(title: str, names: Sequence[str], fields: Mapping[str, Any]) -> str:
    """People and groups that have no title are called what they call themselves, which is the first of their other names."""
    is_person = str(fields.get("kind", "")).lower() in ("user", "group") and title == fields.get("name")
    return names[0] if is_person and names else title


async def titles_of(
    tx: Transaction, documents: Sequence[tuple[str, str]], visible: VisibleSet | None
) -> Mapping[tuple[str, str], tuple[str, str]]:
    """(title, address) by (type, id). ``visible`` None: nothing belongs to a resource."""
    by_type: dict[str, list[str]] = {}
    for type, id in dict.fromkeys(documents):
        by_type.setdefault(type, []).append(id)
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for type, ids in by_type.items():
        for at in range(0, len(ids), AT_ONCE):
            rows = await tx.fetch_all(
                f"SELECT id, number, payload FROM search_document WHERE type = $1 AND {tx.any_of('id', 2)}",
                type,
                tx.list_arg(ids[at : at + AT_ONCE]),
            )
            for id, number, payload in rows:
                resource = resource_of(number)
                if not resource or (visible is not None and resource in visible):
                    document = orjson.loads(payload)
                    title = shown_title(document["title"], document["names"], document["fields"])
                    found[type, id] = (title, document["location"])
    return found
