"""``ProposalService``: each call asks permission; what is decided is audited, and what enters the catalog enters through editing."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from datetime import timedelta
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CREATE_ENTITY
from callboard.features.proposals import store
from callboard.features.proposals.deciding import Deciding
from callboard.features.proposals.domain.choosing import choose
from callboard.features.proposals.domain.values import DEFAULT_LIMITS, RepositoryFacts, Tree
from callboard.features.proposals.interface import (
    Choices,
    Decision,
    Proposal,
    ProposalNotFound,
    ProposalPage,
    ProposalQuery,
    Scan,
    ScanNotFound,
    ScanPage,
    TargetKind,
    TargetRefused,
)
from callboard.features.proposals.job_kinds import SCAN_JOB
from callboard.features.proposals.parts import Parts
from callboard.features.proposals.queue import document_for, facts_by_id
from callboard.features.proposals.scanning import Scanning, Tally
from callboard.features.proposals.sources.folder import require_open
from callboard.features.proposals.store import ScanRow
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import format_time, parse_time
from callboard.kernel.errors import InputError, LimitError, NotFoundError
from callboard.ui.code import format_yaml

MAX_WAITING = 50
GIVEN_UP_AFTER = timedelta(days=1)
MAX_TARGET = 1_000
MAX_PAGE = 200
MAX_FILES_SENT = 2_000
MAX_AT_ONCE = 500


class Proposals:
    """``ProposalService`` of one portal."""

    def __init__(self, parts: Parts, scanning: Scanning) -> None:
        self._parts = parts
        self._scanning = scanning
        self._deciding = Deciding(parts)

    def _require(self, actor: Actor) -> None:
        self._parts.permissions.require(actor, CREATE_ENTITY)

    # ---- scans ---------------------------------------------------------------------------------------------------------

    def choices(self, *, actor: Actor) -> Choices:
        self._require(actor)
        listings = self._parts.repositories.listings
        owners = [(owner, listing.owner_url(owner)) for listing in listings for owner in listing.owners]
        return Choices(self._parts.folders, owners, [listing.host for listing in listings])

    async def scan(self, target: str, *, again: bool = False, any_folder: bool = False, actor: Actor) -> Scan:
        self._require(actor)
        self._parts.sources.require_writable()
        target, kind = await asyncio.to_thread(self._target_of, target.strip(), any_folder)
        id = secrets.token_hex(8)
        async with self._parts.db.write() as tx:
            await store.expire_scans(
                tx,
                format_time(self._parts.clock.now() - GIVEN_UP_AFTER),
                self._parts.now(),
                "It did not end within a day.",
            )
            waiting = await store.find_waiting(tx, target)
            if waiting is None and await store.count_waiting(tx) >= MAX_WAITING:
                raise LimitError(f"{MAX_WAITING} scans are waiting already. Try again when some of them have ended.")
            if waiting is None:
                await store.insert_scan(tx, await self._new_scan(tx, id, target, kind, actor, again=again))
                await self._parts.jobs.enqueue(tx, SCAN_JOB, {"id": id, "any_folder": any_folder}, key=id, priority=5)
                await self._audit(tx, "scan", actor, {"scanId": id, "target": target})
        return await self.get_scan(waiting or id, actor=actor)

    def _target_of(self, target: str, any_folder: bool) -> tuple[str, TargetKind]:
        """The target as it is kept, and what it is. Raises ``TargetRefused``. Looks at folders: call it in a thread."""
        if not target or len(target) > MAX_TARGET or "\0" in target or "\n" in target:
            raise TargetRefused(
                "Say what to look at: the address of a repository or organisation, or a folder.", field="target"
            )
        if "://" in target:
            repositories = self._parts.repositories
            if repositories.find_owner(target) is not None:
                return target.rstrip("/"), "organisation"
            repositories.require(target)
            return target, "repository"
        if any_folder:
            return target, "folder"
        folder = require_open(target, self._parts.folders)
        if not folder.is_dir():
            raise NotFoundError(f"There is no folder {target}.")
        return str(folder), "folder"

    async def _new_scan(
        self,
        tx: Any,
        id: str,
        target: str,
        kind: TargetKind,
        actor: Actor,
        *,
        again: bool = False,
        stage: str = "waiting",
    ) -> ScanRow:
        return ScanRow(id, await store.next_seq(tx), target, kind, stage, int(again), self._parts.now(), actor.subject)

    async def scan_files(
        self, name: str, files: Mapping[str, str], *, paths: Sequence[str], url: str = "", actor: Actor
    ) -> Scan:
        self._require(actor)
        self._parts.sources.require_writable()
        name = name.strip()
        if not name or len(name) > 200:
            raise InputError("name must be the name of the repository, of at most 200 characters.", field="name")
        if len(files) > MAX_FILES_SENT or len(paths) > DEFAULT_LIMITS.paths:
            raise LimitError(f"At most {MAX_FILES_SENT} files and {DEFAULT_LIMITS.paths} paths are taken at once.")
        for path in (*files, *paths):
            if not path or path.startswith("/") or ".." in path.split("/") or "\0" in path:
                raise InputError(f"{path!r} is no path inside of the repository.", field="files")
        chosen, notes = choose(
            [(path, len(text.encode("utf-8", "replace"))) for path, text in files.items()], DEFAULT_LIMITS
        )
        tree = Tree(tuple(sorted({*files, *paths})), {path: files[path] for path in chosen}, tuple(notes))
        facts = self._facts_of_sent(name, url)
        target = facts.url or f"files:{name}"
        id, tally = secrets.token_hex(8), Tally()
        async with self._parts.db.write() as tx:
            await store.insert_scan(tx, await self._new_scan(tx, id, target, "files", actor, stage="running"))
            await self._audit(tx, "scan", actor, {"scanId": id, "target": target})
        await self._scanning.take(id, tally, target, facts, tree, "")
        tally.counts["repositories"] += 1
        async with self._parts.db.write() as tx:
            await store.update_scan(
                tx,
                id,
                stage="done",
                ended_at=self._parts.now(),
                done=1,
                total=1,
                repository_id=store.repository_id(target),
                **tally.columns(),
            )
        return await self.get_scan(id, actor=actor)

    def _facts_of_sent(self, name: str, url: str) -> RepositoryFacts:
        found = self._parts.repositories.find(url) if url else None
        if found is None:
            return RepositoryFacts(name)
        from callboard.features.proposals.sources.repositories import facts_of

        return dataclasses.replace(facts_of(found[0], found[1]), name=name)

    async def get_scan(self, id: str, *, actor: Actor) -> Scan:
        self._require(actor)
        async with self._parts.db.read() as tx:
            row = await store.find_scan(tx, id)
        if row is None:
            raise ScanNotFound(
                "There is no such scan; only the newest are kept. The proposals it made are in the list."
            )
        return _scan_of(row)

    async def list_scans(self, *, limit: int = 25, offset: int = 0, actor: Actor) -> ScanPage:
        self._require(actor)
        async with self._parts.db.read() as tx:
            rows, total = await store.list_scans(tx, min(max(limit, 0), MAX_PAGE), max(offset, 0))
        return ScanPage([_scan_of(row) for row in rows], total)

    # ---- the queue -------------------------------------------------------------------------------------------------------

    async def list_proposals(self, query: ProposalQuery, *, actor: Actor) -> ProposalPage:
        self._require(actor)
        query = dataclasses.replace(query, limit=min(max(query.limit, 0), MAX_PAGE), offset=max(query.offset, 0))
        async with self._parts.db.read() as tx:
            rows, total = await store.list_items(tx, query)
            counted = {
                name: await store.count_by(tx, query, name) for name in ("state", "kind", "confidence", "repository_id")
            }
            names = await store.list_repositories(tx, [id for id, _ in counted["repository_id"]])
        facets = {
            name: [(value, value, count) for value, count in rows_]
            for name, rows_ in counted.items()
            if name != "repository_id"
        }
        facets["repository"] = sorted(
            ((id, names[id].name if id in names else id, count) for id, count in counted["repository_id"]),
            key=lambda one: (-one[2], one[1]),
        )
        return ProposalPage(await self._parts.queue.show(rows, actor), total, facets)

    async def get_proposal(self, id: str, *, actor: Actor) -> Proposal:
        self._require(actor)
        async with self._parts.db.read() as tx:
            row = (await store.get_items(tx, [id])).get(id)
        if row is None:
            raise ProposalNotFound(
                "There is no such proposal: a later scan did not find it any more, or its repository was forgotten."
            )
        return (await self._parts.queue.show([row], actor))[0]

    async def descriptor(self, ids: Sequence[str], *, actor: Actor) -> str:
        self._require(actor)
        items, around = await self._deciding.load(_few(ids), actor, whole=True)
        if len({item.row.repository_id for item in items}) > 1:
            raise InputError("A catalog-info.yaml lies in one repository: these proposals are of several.", field="ids")
        facts = facts_by_id(around.repositories)
        included = {item.row.id for item in items}
        documents = [
            document_for(item, around, facts[item.row.repository_id], "file", included)[0] for item in items
        ]  # fmt: skip
        return "---\n".join(str(format_yaml(document)).rstrip("\n") + "\n" for document in documents)

    async def forget(self, repository: str, *, actor: Actor) -> int:
        self._require(actor)
        async with self._parts.db.write() as tx:
            known = await store.list_repositories(tx, [repository])
            if not known:
                raise ProposalNotFound("No repository has this id.")
            gone = await store.delete_repository(tx, repository)
            await self._audit(tx, "forget", actor, {"repository": known[repository].name, "proposals": gone})
        return gone

    # ---- decisions -------------------------------------------------------------------------------------------------------

    async def change(self, ids: Sequence[str], values: Mapping[str, Any], *, actor: Actor) -> Sequence[Decision]:
        self._require(actor)
        return await self._deciding.change(_few(ids), values, actor)

    async def accept(self, ids: Sequence[str], *, actor: Actor) -> Sequence[Decision]:
        self._require(actor)
        return await self._deciding.accept(_few(ids), actor)

    async def ignore(self, ids: Sequence[str], *, actor: Actor) -> Sequence[Decision]:
        self._require(actor)
        return await self._deciding.ignore(_few(ids), actor)

    async def reopen(self, ids: Sequence[str], *, actor: Actor) -> Sequence[Decision]:
        self._require(actor)
        return await self._deciding.reopen(_few(ids), actor)

    async def update(self, id: str, *, actor: Actor) -> Decision:
        self._require(actor)
        return await self._deciding.update(id, actor)

    async def dismiss(self, id: str, *, actor: Actor) -> Decision:
        self._require(actor)
        return await self._deciding.dismiss(id, actor)

    async def _audit(self, tx: Any, action: str, actor: Actor, meta: Mapping[str, Any]) -> None:
        await self._parts.audit.record(
            tx, "proposal-mutate", actor=actor, plugin="proposals", meta={"actionType": action, **meta}
        )  # fmt: skip


def _few(ids: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(ids))
    if len(found) > MAX_AT_ONCE:
        raise LimitError(f"At most {MAX_AT_ONCE} proposals at once, not {len(found)}.")
    return found


def _scan_of(row: ScanRow) -> Scan:
    return Scan(
        id=row.id, target=row.target, kind=row.kind, stage=row.stage, created_at=parse_time(row.created_at), created_by=row.created_by,  # type: ignore[arg-type]
        ended_at=parse_time(row.ended_at) if row.ended_at else None, done=row.done, total=row.total, step=row.step,
        counts=orjson.loads(row.counts), notes=tuple((one, text) for one, text in orjson.loads(row.notes)), error=row.error,
        repository_id=row.repository_id,
    )  # fmt: skip
