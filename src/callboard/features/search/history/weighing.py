"""What people open counts a little: among results that are else equal, what more people opened comes first.

``search_document.prior`` is what speaks for a document whatever is asked. Here the people who opened it in the time that history is kept
are added to what its collator gave it. A document that is put again begins without, until the next time.
"""

from __future__ import annotations

import math
import uuid
from typing import Collection

from callboard.features.search.history import store
from callboard.features.search.history.sketch import at_least
from callboard.features.search.store.documents import put_revisions
from callboard.features.search.store.records import decode, prior_of
from callboard.kernel.db.interface import Database

AT_ONCE = 500


async def weigh_opened(db: Database, forgotten: Collection[tuple[str, str]] = ()) -> None:
    """Weigh what was opened, and besides what is ``forgotten``: (type, id) of documents. May be repeated."""
    async with db.read() as tx:
        people = {place: at_least(sketch) for place, sketch in (await store.list_opened(tx)).items()}
    places = sorted({*people, *forgotten})
    for at in range(0, len(places), AT_ONCE):
        async with db.write() as tx:
            changed = []
            for type, id in places[at : at + AT_ONCE]:
                row = await tx.fetch_one(
                    "SELECT number, prior, payload FROM search_document WHERE type = $1 AND id = $2", type, id
                )
                if row is None:
                    continue
                prior = prior_of(decode(bytes(row[2]))) + math.log1p(people.get((type, id), 0))
                if abs(prior - row[1]) > 1e-9:
                    changed.append((prior, row[0]))
            if changed:  # answers that are kept count for the revision they were given at
                await tx.execute_many("UPDATE search_document SET prior = $1 WHERE number = $2", changed)
                await put_revisions(tx, "", {"revision": uuid.uuid4().hex})
