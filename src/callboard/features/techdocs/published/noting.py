"""What is published, noted where the library, search and checks look for sites: not the pages, but that they are there, and since when."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from datetime import datetime

from callboard.features.techdocs.domain import SitePlan
from callboard.features.techdocs.interface import PAGES_CHANGED, SITE_CHANGED
from callboard.features.techdocs.published.reading import Published
from callboard.features.techdocs.store import files as file_rows
from callboard.features.techdocs.store import pages as page_rows
from callboard.features.techdocs.store import sites
from callboard.features.techdocs.store.sites import SiteRow, VersionRow
from callboard.kernel.clock import format_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.events import Events

MARK = "published"


def is_published(row: VersionRow | None) -> bool:
    """Whether nothing of the version was read here: its pages lie in the store."""
    return row is not None and bool(row.meta.get(MARK))


async def note_published(
    tx: Transaction, events: Events, site: SiteRow, plan: SitePlan, found: Published, now: datetime
) -> bool:
    """Whether it is another build than was noted before; whoever listens is told then."""
    await sites.put_site(tx, replace(site, kind="published", is_local=False))
    await sites.set_failure(tx, plan.ref, None)
    row = await sites.lock_version(tx, plan.ref, "")
    digest = hashlib.sha256(f"{MARK}\0{found.etag}".encode()).hexdigest()
    is_same = row is not None and is_published(row) and (row.digest, row.plan) == (digest, plan.digest)
    if row is not None and is_same:
        await sites.note_checked(tx, row.id, plan.digest, found.etag, format_time(now))
        return False
    pages = sum(path.endswith(".html") and path != "404.html" for path in found.files) or 1
    version = VersionRow(
        row.id if row else uuid.uuid4().hex, plan.ref, "", plan.digest, found.etag, digest, {MARK: True}, pages, 0,
        format_time(found.built_at) if found.is_dated else None, format_time(now), format_time(now),
    )  # fmt: skip
    await sites.put_version(tx, version)
    if row is not None and not is_published(row):  # it was read from its source before
        await file_rows.replace_files(tx, version.id, [], {}, format_time(now))
        await page_rows.write_changes(tx, plan.ref, {}, list(await page_rows.list_pages(tx, plan.ref)))
    await events.publish(tx, SITE_CHANGED, {"ref": plan.ref, "version": None, "digest": digest, "isNew": row is None})
    await events.publish(tx, PAGES_CHANGED, {"ref": plan.ref})
    return True


async def note_unpublished(tx: Transaction, events: Events, site: SiteRow, failure: str) -> None:
    """Nothing is there (any more)."""
    await sites.put_site(tx, replace(site, kind="published", is_local=False))
    await sites.set_failure(tx, site.ref, failure)
    if is_published(await sites.lock_version(tx, site.ref, "")):
        await sites.delete_version(tx, site.ref, "")
        await events.publish(tx, PAGES_CHANGED, {"ref": site.ref})
