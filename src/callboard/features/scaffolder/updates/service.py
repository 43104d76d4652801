"""``TemplateUpdates``: who is behind, what an update would do, and the change that is opened for it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.scaffolder.interface.updates import ChangeSet, OpenedChange
from callboard.features.scaffolder.permissions import CREATE_TASK, MANAGE_TEMPLATES
from callboard.features.scaffolder.updates import store
from callboard.features.scaffolder.updates.answers import public_answers
from callboard.features.scaffolder.updates.interface import Fleet, Made, NotMade, Opened, Preview
from callboard.features.scaffolder.updates.merging import FileChange
from callboard.features.scaffolder.updates.parts import UpdateParts
from callboard.features.scaffolder.updates.places import place_of
from callboard.features.scaffolder.updates.record_file import BASE_PATH, RECORD_PATH, TemplateRecord, read_record
from callboard.features.scaffolder.updates.store import MadeRow
from callboard.features.scaffolder.updates.trees import Node, Tree, digest_of, files_of, tree_of
from callboard.features.scaffolder.updates.updating import compute_update
from callboard.features.scaffolder.updates.versions import read_version, short
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.clock import format_time
from callboard.kernel.errors import CallboardError, ConflictError, InputError, NotAllowedError
from callboard.kernel.logs import get_logger
from callboard.kernel.read_file import TreeFile

log = get_logger(__name__)
AUDIT_EVENT = "template-update"
MAX_FLEET = 10_000
CHUNK = 500
MAX_ADDRESS = 2000
LISTED = 40
"""Files named one by one in the text of a change."""


class UpdateService:
    """``TemplateUpdates`` of one portal."""

    def __init__(self, parts: UpdateParts) -> None:
        self._parts = parts

    # ---- who is behind -------------------------------------------------------------------------------------------------

    async def find_made(self, entity_ref: str, *, actor: Actor) -> Made | None:
        async with self._parts.db.read() as tx:
            row = await store.find_made(tx, entity_ref.lower())
            newest = None if row is None else await store.newest_version(tx, row.template_ref)
        if row is None or await self._parts.queries.find_raw(row.entity_ref, actor=actor) is None:
            return None
        return _made(row, newest)

    async def list_fleet(
        self, template_ref: str, *, only_behind: bool = False, limit: int = 50, offset: int = 0, actor: Actor
    ) -> Fleet:
        template_ref = template_ref.lower()
        await self._parts.read_target(template_ref, actor)
        async with self._parts.db.read() as tx:
            rows = await store.list_made(tx, template_ref, MAX_FLEET)
            newest = await store.newest_version(tx, template_ref)
        seen: list[Made] = []
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            raws = await self._parts.queries.get_many_raw([row.entity_ref for row in part], actor=actor)
            seen += [_made(row, newest) for row, raw in zip(part, raws, strict=True) if raw is not None]
        behind = [made for made in seen if made.behind]
        chosen = behind if only_behind else seen
        version, at = ("", "") if newest is None else newest[1:]
        return Fleet(template_ref, version, at, chosen[offset : offset + limit], len(seen), len(behind))

    async def look(self, template_ref: str, *, actor: Actor) -> str:
        target = await self._parts.read_target(template_ref.lower(), actor)
        version = await read_version(target.template, target.base_url, self._parts.source)
        async with self._parts.db.write() as tx:
            await store.keep_version(tx, target.ref, version, format_time(self._parts.clock.now()))
        return version

    async def look_at_all(self) -> None:
        """Every template that made something; those that cannot be read keep the version that was seen last."""
        async with self._parts.db.read() as tx:
            refs = await store.list_followed(tx)
        for ref in refs:
            try:
                await self.look(ref, actor=SYSTEM)
            except CallboardError as error:
                log.warning("version of a template not read", template=ref, problem=error.message)

    # ---- one update ----------------------------------------------------------------------------------------------------

    async def preview(self, entity_ref: str, *, answers: Mapping[str, Any] | None = None, actor: Actor) -> Preview:
        row, entity = await self._get(entity_ref, actor)
        return await self._preview(row, entity, answers, actor)

    async def open(
        self,
        entity_ref: str,
        *,
        branch: str = "",
        answers: Mapping[str, Any] | None = None,
        mark: str = "",
        actor: Actor,
    ) -> OpenedChange:
        parts = self._parts
        row, entity = await self._get(entity_ref, actor)
        parts.permissions.require(actor, CREATE_TASK)
        if not parts.may_update(entity, actor):
            raise NotAllowedError(f"You may not change {row.entity_ref}. Its owner may.")
        preview = await self._preview(row, entity, answers, actor)
        if mark and mark != preview.mark:
            raise ConflictError("Template or repository have changed since you looked. Look at the update again.")
        if preview.update.trees.is_empty and not preview.update.is_behind:
            raise ConflictError(f"{row.entity_ref} is up to date with {row.template_ref}: there is nothing to open.")
        change = _change(row, preview, branch, place_of(row, entity, parts.hosts))
        opener = next((one for one in parts.openers if one.handles(change)), None)
        if opener is None:
            raise InputError(
                f"No integration opens changes at {change.remote or change.contents or 'its repository, which is not known'}. "
                "Add the host to the settings (integrations), or use `callboard template update` in a checkout."
            )
        opened = await opener.open(change)
        async with parts.db.write() as tx:
            await store.change_made(
                tx, row.id, opened_at=format_time(parts.clock.now()), opened_by=actor.subject or "", opened_branch=opened.branch,
                opened_version=preview.update.record.version, opened_url=opened.url,
            )  # fmt: skip
            await parts.audit.record(
                tx, AUDIT_EVENT, actor=actor, severity="medium", plugin="scaffolder",
                meta={"entityRef": row.entity_ref, "templateRef": row.template_ref, "branch": opened.branch, "commit": opened.commit,
                      "kind": opened.kind, "url": opened.url, "to": preview.update.record.version},
            )  # fmt: skip
        return opened

    async def name_place(self, entity_ref: str, contents: str, *, actor: Actor) -> None:
        parts = self._parts
        row, entity = await self._get(entity_ref, actor)
        parts.permissions.require(actor, MANAGE_TEMPLATES)
        if not parts.may_update(entity, actor):
            raise NotAllowedError(f"You may not change {row.entity_ref}. Its owner may.")
        contents = contents.strip()
        if "://" not in contents or len(contents) > MAX_ADDRESS:
            raise InputError("Give the address of the folder that the files lie in: https://….", field="contents")
        try:
            await parts.source.read_tree(contents, base_url="")
        except CallboardError as error:
            raise InputError(f"The files at {contents} cannot be read: {error.message}", field="contents") from error
        async with parts.db.write() as tx:
            kept = await store.find_made(tx, row.entity_ref)
            if kept is None or kept.id != row.id or kept.contents:
                raise ConflictError(f"The address of the files of {row.entity_ref} is recorded already.")
            await store.change_made(tx, row.id, contents=contents)
            await parts.audit.record(
                tx, AUDIT_EVENT, actor=actor, severity="high", plugin="scaffolder",
                meta={"actionType": "name-place", "entityRef": row.entity_ref, "templateRef": row.template_ref,
                      "contents": contents, "remote": row.remote},
            )  # fmt: skip

    async def _get(self, entity_ref: str, actor: Actor) -> tuple[MadeRow, Mapping[str, Any]]:
        async with self._parts.db.read() as tx:
            row = await store.find_made(tx, entity_ref.lower())
        entity = None if row is None else await self._parts.find_entity(row.entity_ref, actor)
        if row is None or entity is None:
            raise NotMade(f"No run of a template is recorded for {entity_ref}.")
        return row, entity

    async def _preview(
        self, row: MadeRow, entity: Mapping[str, Any], answers: Mapping[str, Any] | None, actor: Actor
    ) -> Preview:
        parts = self._parts
        target = await parts.read_target(row.template_ref, actor)
        contents = place_of(row, entity, parts.hosts)
        files = await parts.source.read_tree(contents, base_url="")
        row, record = await self._record(row, files)
        given = None if answers is None else public_answers(target.template, answers)
        ours = align_modes(tree_of(files), record.files)
        update = await compute_update(record, target, ours, renderer=parts.renderer, source=parts.source, answers=given)
        version = update.record.version
        async with parts.db.write() as tx:
            await store.keep_version(tx, row.template_ref, version, format_time(parts.clock.now()))
            newest = await store.newest_version(tx, row.template_ref)
            if update.trees.is_empty and update.is_behind:
                # Nothing of what changed concerns these answers.
                number = await store.find_number(tx, row.template_ref, version)
                await store.change_made(tx, row.id, version=version, number=number)
                await store.replace_tree(tx, row.id, update.record.files)
                row.version, row.number = version, number
        mark = hashlib.sha256(f"{version} {digest_of(update.trees.tree)}".encode()).hexdigest()[:32]
        return Preview(_made(row, newest), update, mark)

    async def _record(self, row: MadeRow, files: Sequence[TreeFile]) -> tuple[MadeRow, TemplateRecord]:
        """The repository's own record where it has one: an update that was merged wrote it. Else what was kept of the run."""
        found = {file.path: file.content for file in files if file.path in (RECORD_PATH, BASE_PATH)}
        async with self._parts.db.read() as tx:
            kept = await store.load_tree(tx, row.id)
        user, outputs = orjson.loads(row.run_by), orjson.loads(row.outputs)
        if RECORD_PATH in found:
            record = read_record(found[RECORD_PATH], found.get(BASE_PATH))
            if record.ref.lower() == row.template_ref:
                known = {path: kept[path] if kept.get(path) == node else node for path, node in record.files.items()}
                record = replace(record, files=known, user=user, outputs={**record.outputs, **outputs}, task_id=row.id)
                return await self._adopt(row, record), record
        if not row.has_tree:
            raise InputError(
                f"What made {row.entity_ref} was too large to be kept. Use `callboard template update` in a checkout."
            )
        record = TemplateRecord(
            row.template_ref, row.base_url, row.version, orjson.loads(row.answers), kept, row.id, user, outputs,
            root=row.root, into=row.into_path,
        )  # fmt: skip
        return row, record

    async def _adopt(self, row: MadeRow, record: TemplateRecord) -> MadeRow:
        if record.version == row.version:
            return row
        async with self._parts.db.write() as tx:
            number = await store.find_number(tx, row.template_ref, record.version)
            answers = orjson.dumps(dict(record.answers)).decode()
            await store.change_made(tx, row.id, version=record.version, number=number, answers=answers, has_tree=1)
            await store.replace_tree(tx, row.id, record.files)
        return replace(row, version=record.version, number=number, answers=answers, has_tree=1)


def align_modes(ours: Tree, base: Tree) -> dict[str, Node]:
    """``ours`` as read by a reader that knows neither modes nor links: those of ``base`` are taken for files that are in both."""
    if any(node.is_executable or node.link is not None for node in ours.values()):
        return dict(ours)
    aligned = dict(ours)
    for path, node in ours.items():
        known = base.get(path)
        if known is not None and known.link is not None and node.content == known.link.encode():
            aligned[path] = known
        elif known is not None and known.is_executable:
            aligned[path] = replace(node, is_executable=True)
    return aligned


def _made(row: MadeRow, newest: tuple[int, str, str] | None) -> Made:
    opened = None
    if row.opened_at is not None and row.opened_version != row.version:
        opened = Opened(
            row.opened_version or "", row.opened_branch or "", row.opened_url or "", row.opened_at, row.opened_by or ""
        )
    behind = newest[0] - row.number if newest is not None and row.number else None
    return Made(
        row.id, row.template_ref, row.entity_ref, row.version, behind, row.made_at, row.made_by, bool(row.has_tree), opened
    )  # fmt: skip


def _change(row: MadeRow, preview: Preview, branch: str, contents: str) -> ChangeSet:
    update = preview.update
    version = short(update.record.version)
    record = [TreeFile(path, content) for path, content in update.record_files.items()]
    return ChangeSet(
        remote=row.remote,
        contents=contents,
        branch=branch or f"template-update-{version}",
        title=f"Update from {row.template_ref} ({version})",
        body=_body(row, update.trees.changes, short(update.from_version), version),
        files=[*files_of(update.trees.written), *record],
        deleted=update.trees.deleted,
    )


def _body(row: MadeRow, changes: Sequence[FileChange], before: str, version: str) -> str:
    """In Markdown, for whoever reviews it: first what wants a look."""
    lines = [f"Brings what `{row.template_ref}` made from its version {before or 'unknown'} to {version}."]
    looks = [change for change in changes if change.wants_a_look]
    for title, chosen in (
        ("Clashes to resolve", [change for change in looks if change.is_clash]),
        ("Worth a look", [change for change in looks if not change.is_clash]),
        ("Changed", [change for change in changes if change.outcome in ("follows", "merged", "added", "removed")]),
    ):
        if chosen:
            lines += ["", f"**{title}**", ""]
            lines += [f"- `{change.path}`: {change.outcome.replace('_', ' ')}" + (f" ({change.reason.replace('_', ' ')})" if change.reason else "")
                      for change in chosen[:LISTED]]  # fmt: skip
            lines += [f"- and {len(chosen) - LISTED} more"] if len(chosen) > LISTED else []
    return "\n".join(lines) + "\n"
