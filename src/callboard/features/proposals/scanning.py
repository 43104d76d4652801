"""Scans: what a target holds is read, looked at, and put into the queue. A scan may be run twice: what it has read it knows."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.proposals import store
from callboard.features.proposals.codec import dump, dump_draft
from callboard.features.proposals.domain.choosing import DESCRIPTORS
from callboard.features.proposals.domain.proposing import VERSION, propose
from callboard.features.proposals.domain.values import DEFAULT_LIMITS, Draft, Found, RepositoryFacts, Tree
from callboard.features.proposals.job_kinds import ATTEMPTS
from callboard.features.proposals.parts import Parts
from callboard.features.proposals.queue import Item, changed_paths, ref_of
from callboard.features.proposals.sources.folder import read_folder, require_open
from callboard.features.proposals.sources.repositories import facts_of
from callboard.features.proposals.store import ItemRow, RepositoryRow, ScanRow
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.db.interface import Transaction
from callboard.kernel.discovery import ListedRepository
from callboard.kernel.errors import CallboardError, LimitError, NotFoundError, UnavailableError
from callboard.kernel.jobs import JobContext, JobFailed, RetryLater
from callboard.kernel.logs import get_logger

log = get_logger(__name__)

KEPT_SCANS = 200
MAX_NOTES = 200
MAX_REPOSITORIES = 5_000
MAX_TITLE = 200
_FAULT = "It failed by a fault of the portal; its log says more. Try it again, and tell those who run the portal."


@dataclass(slots=True)
class Tally:
    """How far a scan is."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, row: ScanRow) -> Tally:
        return cls(Counter(orjson.loads(row.counts)), [(a, b) for a, b in orjson.loads(row.notes)])

    def note(self, repository: str, text: str) -> None:
        if len(self.notes) < MAX_NOTES and (repository, text) not in self.notes:
            self.notes.append((repository, text))

    def columns(self) -> dict[str, Any]:
        counts = {name: count for name, count in self.counts.items() if count}
        return {"counts": dump(counts), "notes": dump(self.notes)}


class Scanning:
    """The job, and what it does to the store."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def run(self, job: JobContext) -> None:
        id = job.payload["id"]
        async with self._parts.db.read() as tx:
            row = await store.find_scan(tx, id)
        if row is None or row.stage not in ("waiting", "running"):
            return
        try:
            await self._scan(row, bool(job.payload.get("any_folder")))
        except LimitError as error:
            if error.retry_after_s is None:
                await self._end(id, error.message)
                return
            async with self._parts.db.write() as tx:
                await store.update_scan(tx, id, stage="waiting", step=error.message)
            raise RetryLater(error.retry_after_s, error.message) from error
        except CallboardError as error:
            if isinstance(error, UnavailableError) and job.attempt < ATTEMPTS:
                raise
            await self._end(id, error.message)
        except Exception as error:
            await self._end(id, _FAULT)
            log.exception("scan failed", scan_id=id)
            raise JobFailed(f"{type(error).__name__}: {error}") from error

    async def _scan(self, row: ScanRow, any_folder: bool) -> None:
        tally = Tally.of(row)
        async with self._parts.db.write() as tx:
            await store.update_scan(tx, row.id, stage="running")
        if row.kind == "folder":
            await self._folder(row, tally, any_folder)
        elif row.kind == "organisation":
            await self._organisation(row, tally)
        else:
            await self._repository(row, tally, row.target, None)
        await self._end(row.id, "", tally)

    async def _end(self, id: str, error: str, tally: Tally | None = None) -> None:
        values: dict[str, Any] = {
            "stage": "failed" if error else "done",
            "error": error,
            "step": "",
            "ended_at": self._parts.now(),
        }
        async with self._parts.db.write() as tx:
            if tally is not None:
                values |= tally.columns()
            await store.update_scan(tx, id, **values)
            await store.forget_scans(tx, KEPT_SCANS)

    # ---- targets -------------------------------------------------------------------------------------------------------

    async def _folder(self, row: ScanRow, tally: Tally, any_folder: bool) -> None:
        folder = Path(row.target).resolve() if any_folder else require_open(row.target, self._parts.folders)
        await self._step(row, tally, folder.name, 0, 1)
        tree, facts, digest = await asyncio.to_thread(read_folder, folder)
        async with self._parts.db.write() as tx:
            await store.update_scan(tx, row.id, repository_id=store.repository_id(str(folder)))
        known = await self._known(str(folder))
        if known is not None and known.head == digest and known.version == VERSION and not row.again:
            tally.counts["unchanged"] += 1
        else:
            await self.take(row.id, tally, str(folder), facts, tree, digest)
        tally.counts["repositories"] += 1
        await self._step(row, tally, "", 1, 1)

    async def _organisation(self, row: ScanRow, tally: Tally) -> None:
        found = self._parts.repositories.find_owner(row.target)
        if found is None:
            raise NotFoundError(f"{row.target} is no page of an organisation of a host that integrations name.")
        listing, owner = found
        listed = await listing.list_repositories(owner)
        wanted = [one for one in listed if not (one.is_archived or one.is_fork or one.is_empty)][:MAX_REPOSITORIES]
        for what, count in (
            ("archived", sum(one.is_archived for one in listed)), ("forks", sum(one.is_fork for one in listed)),
            ("empty", sum(one.is_empty for one in listed)),
        ):  # fmt: skip
            if count:
                tally.note(owner, f"{count} repositories are {what}: passed over.")
        for done, one in enumerate(wanted):
            await self._step(row, tally, one.name, done, len(wanted))
            try:
                await self._repository(row, tally, one.url, one)
            except LimitError as error:
                if error.retry_after_s is not None:
                    raise
                tally.counts["failed"] += 1
                tally.note(one.name, error.message)
            except CallboardError as error:
                tally.counts["failed"] += 1
                tally.note(one.name, error.message)
        await self._step(row, tally, "", len(wanted), len(wanted))

    async def _step(self, row: ScanRow, tally: Tally, step: str, done: int, total: int) -> None:
        async with self._parts.db.write() as tx:
            await store.update_scan(tx, row.id, step=step, done=done, total=total, **tally.columns())

    async def _known(self, target: str) -> RepositoryRow | None:
        id = store.repository_id(target)
        async with self._parts.db.read() as tx:
            return (await store.list_repositories(tx, [id])).get(id)

    async def _repository(self, row: ScanRow, tally: Tally, url: str, listed: ListedRepository | None) -> None:
        repositories = self._parts.repositories
        reader, place = repositories.require(url)
        if listed is not None and listed.branch:
            place = replace(place, ref=f"branch/{listed.branch}" if reader.kind == "gitea" else listed.branch)
        target = f"{place.site}/{place.repo}" if reader.kind != "other" else place.repo
        if listed is None:
            async with self._parts.db.write() as tx:
                await store.update_scan(tx, row.id, repository_id=store.repository_id(target))
        known = await self._known(target)
        if known is not None and known.scan_id == row.id:
            return  # this scan read it before a host asked to wait
        commit = await reader.find_head(place)
        facts = facts_of(reader, place, listed)
        tally.counts["repositories"] += 1
        if known is not None and known.version == VERSION and not row.again and known.head == _head(commit, facts):
            tally.counts["unchanged"] += 1
            return
        if listed is not None and await self._is_described(reader, place, commit):
            tally.counts["described"] += 1
            await self._withdraw(target)
            return
        tree = await repositories.read_tree(reader, place, commit)
        await self.take(row.id, tally, target, facts, tree, _head(commit, facts))

    async def _is_described(self, reader: Any, place: Any, commit: str) -> bool:
        """Whether a descriptor lies at its root: then it is for discovery, and nothing is proposed."""
        listed = await reader.list_files(place, commit, "")
        return any(entry.path.lower() in DESCRIPTORS for entry in listed)

    async def _withdraw(self, target: str) -> None:
        """It has a descriptor now: what still waited goes."""
        async with self._parts.db.write() as tx:
            rows = await store.list_of_repository(tx, store.repository_id(target))
            await store.delete_items(tx, [row.id for row in rows if row.state == "open"])

    # ---- into the queue ------------------------------------------------------------------------------------------------

    async def take(
        self, scan_id: str, tally: Tally, target: str, facts: RepositoryFacts, tree: Tree, head: str
    ) -> None:
        """Look at a tree, and bring the queue up to what it says now."""
        found: Found = await asyncio.to_thread(propose, tree, facts, DEFAULT_LIMITS)
        people = await self._parts.directory.of(SYSTEM)
        teams = {draft.key.partition(":")[2] for draft in found.drafts if draft.kind == "Group"}
        await asyncio.to_thread(people.learn, teams)
        known_teams = {
            draft.key for draft in found.drafts
            if draft.kind == "Group" and (meant := people.find(draft.key.partition(":")[2])) is not None and meant.is_there
        }  # fmt: skip
        for note in found.notes:
            tally.note(facts.slug or facts.name, note)
        id = store.repository_id(target)
        async with self._parts.db.write() as tx:
            await store.save_repository(
                tx,
                RepositoryRow(
                    id,
                    target,
                    facts.slug or facts.name,
                    facts.url,
                    head,
                    VERSION,
                    self._parts.now(),
                    scan_id,
                    dump(facts),
                ),
            )
            await self._merge(tx, scan_id, tally, id, found.drafts, known_teams)

    async def _merge(
        self,
        tx: Transaction,
        scan_id: str,
        tally: Tally,
        repository: str,
        drafts: Sequence[Draft],
        known_teams: set[str],
    ) -> None:
        standing = {row.key: row for row in await store.list_of_repository(tx, repository)}
        new: list[ItemRow] = []
        seen: set[str] = set()
        for position, draft in enumerate(drafts):
            row = standing.get(draft.key)
            if draft.key in known_teams and (row is None or row.state == "open"):
                continue  # the catalog has it
            seen.add(draft.key)
            if row is None:
                new.append(self._row(scan_id, repository, position, draft))
            else:
                tally.counts["changed"] += await self._renew(tx, scan_id, position, row, draft)
        gone = [row for key, row in standing.items() if key not in seen]
        await store.delete_items(tx, [row.id for row in gone if row.state == "open"])
        for row in gone:
            if row.state != "open" and not row.is_gone:
                await store.update_item(tx, row.id, is_gone=1)
        await store.insert_items(tx, new)
        tally.counts["new"] += len(new)
        tally.counts["gone"] += sum(row.state != "ignored" for row in gone)

    def _row(self, scan_id: str, repository: str, position: int, draft: Draft) -> ItemRow:
        now = self._parts.now()
        return ItemRow(
            id=store.item_id(repository, draft.key), repository_id=repository, key=draft.key, position=position, kind=draft.kind,
            ref=ref_of(draft.kind, draft.name), title=title_of(draft), state="open", confidence=draft.confidence,
            words=words_of(draft, draft.name), body=dump_draft(draft), definition=_storable(draft.definition), edits="{}", accepted_body=None,
            accepted_ref="", is_changed=0, is_gone=0, scan_id=scan_id, found_at=now, decided_at=None, decided_by="",
        )  # fmt: skip

    async def _renew(self, tx: Transaction, scan_id: str, position: int, row: ItemRow, draft: Draft) -> int:
        """Bring one row up to what was found now; 1 where an accepted one's evidence changed."""
        body = dump_draft(draft)
        edits = orjson.loads(row.edits)
        name = str(edits.get("metadata.name") or draft.name)
        values: dict[str, Any] = {
            "position": position, "title": title_of(draft), "confidence": draft.confidence, "words": words_of(draft, name), "body": body,
            "definition": _storable(draft.definition), "is_gone": 0, "ref": ref_of(draft.kind, name),
        }  # fmt: skip
        if row.state == "open":
            values["scan_id"] = scan_id
        changed = False
        if row.state == "accepted" and row.accepted_body:
            before: Mapping[str, Any] = orjson.loads(row.accepted_body)
            changed = bool(changed_paths(Item(row, draft, edits), before, {}))
            values["is_changed"] = int(changed)
        if row.state == "accepted" or any(
            getattr(row, key) != value for key, value in values.items() if key != "definition"
        ):
            await store.update_item(tx, row.id, **values)
        return int(changed and body != row.body)


def _head(commit: str, facts: RepositoryFacts) -> str:
    """What was read: a commit, and whether its host says that it is archived."""
    return f"{commit}{' archived' if facts.is_archived else ''}"


def title_of(draft: Draft) -> str:
    found = draft.fields.get("metadata.title")
    return str(found.value)[:MAX_TITLE] if found is not None else ""


def words_of(draft: Draft, name: str) -> str:
    """What search looks at."""
    described = draft.fields.get("metadata.description")
    said = (
        name,
        title_of(draft),
        draft.kind,
        draft.folder,
        described.value if described else "",
        *(owner.said for owner in draft.owners),
    )
    return _storable("\n".join(str(one) for one in said if one).lower())[:2_000]


def _storable(text: str) -> str:
    return text.replace("\0", " ").encode("utf-8", "replace").decode()
