"""Who changed pages last, where it takes a question to their host: asked once a page is read, noted, and shown from then on.

Nobody waits for an answer. What the host does not tell is asked again after a while only, and a limit is left to pass.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import replace

from callboard.features.techdocs.books import Book
from callboard.features.techdocs.domain import SitePlan
from callboard.features.techdocs.sources.reading import SiteReader, is_markdown
from callboard.features.techdocs.store import files as file_rows
from callboard.features.techdocs.store import sites
from callboard.features.techdocs.store.files import FileRow
from callboard.features.techdocs.store.sites import VersionRow
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import CallboardError
from callboard.kernel.logs import get_logger

log = get_logger(__name__)

AGAIN_AFTER_S = 3600.0
FAILED_AGAIN_AFTER_S = 600.0
MAX_KNOWN = 5_000
MAX_WAITING = 50
AT_ONCE = 2
TIMEOUT_S = 150.0


class Authors:
    """Of all sites that are read from elsewhere. ``begin`` is cheap, and never raises."""

    def __init__(self, db: Database, clock: Clock, reader: SiteReader) -> None:
        self._db = db
        self._clock = clock
        self._reader = reader
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._asking: dict[tuple[str, str, str], asyncio.Task[None]] = {}
        self._until: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    def begin(self, plan: SitePlan, row: VersionRow, book: Book, path: str) -> None:
        """Have it asked who changed the file at ``path`` of the site, unless that is known, or was asked lately."""
        file = book.rows.get(path)
        if file is None or file.changed_by is not None or self._reader.is_local(plan):
            return
        key = (row.id, path, file.hash)
        is_early = self._clock.monotonic() < self._until.get(key, float("-inf"))
        if is_early or key in self._asking or len(self._asking) >= MAX_WAITING:
            return
        task = asyncio.create_task(self._ask(key, plan, row, book, file), name=f"techdocs author {plan.ref}")
        self._asking[key] = task
        task.add_done_callback(lambda _: self._asking.pop(key, None))

    async def settle(self) -> None:
        """Until all that was asked is answered."""
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def close(self) -> None:
        for task in self._asking.values():
            task.cancel()
        await self.settle()

    async def _ask(self, key: tuple[str, str, str], plan: SitePlan, row: VersionRow, book: Book, file: FileRow) -> None:
        again_s = AGAIN_AFTER_S
        try:
            async with self._gate, asyncio.timeout(TIMEOUT_S):
                await self._find(plan, row, book, file)
        except (CallboardError, TimeoutError) as error:
            again_s = max(FAILED_AGAIN_AFTER_S, getattr(error, "retry_after_s", None) or 0.0)
            log.debug("author not known", site=plan.ref, file=file.path, error=str(error))
        except Exception as error:  # a host said something that nobody thought of: the page is read without it
            log.warning("author not understood", site=plan.ref, file=file.path, error=repr(error))
        self._until[key] = self._clock.monotonic() + again_s
        if len(self._until) > MAX_KNOWN:
            self._until.popitem(last=False)

    async def _find(self, plan: SitePlan, row: VersionRow, book: Book, file: FileRow) -> None:
        async with self._db.read(snapshot=False) as tx:
            known = await file_rows.find_file(tx, row.id, file.path)
        if known is None or known.hash != file.hash:
            return  # something newer was read
        if known.changed_by is not None:  # another replica asked
            book.rows[file.path] = known
            return
        open_paths = [one.path for one in book.rows.values() if one.changed_by is None and one.path != file.path]
        changes = await self._reader.find_changes(plan, row, [file.path, *open_paths])
        found = [
            replace(book.rows[path], changed_at=format_time(change.at), changed_by=change.by)
            for path, change in changes.items()
        ]
        if not found:
            return
        async with self._db.write() as tx:
            await file_rows.note_changes(tx, row.id, found)
            pages = [one for one in await file_rows.list_files(tx, row.id) if is_markdown(one.path)]
            if all(one.changed_by is not None for one in pages):  # till then its age is when it was read
                await sites.note_changed(tx, row.id, max((one.changed_at for one in pages), default=None))
        for one in found:
            book.rows[one.path] = one
