"""What people decided about entities of sources, laid over what the sources give: ``CatalogOverlays``, and the step of the writer.

Invariant: the row of an overlay holds what the source gave last, whenever an entity stands under it. So a change of the overlay is
made at once, and taking it away gives back exactly the source's entity.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Mapping, Sequence

import orjson

from callboard.features.catalog.domain import document_of
from callboard.features.catalog.ingest.documents import Documents, Outcome
from callboard.features.catalog.interface import EntityDocument, Finding
from callboard.features.catalog.interface.overlays import (
    OVERLAY_ANNOTATION,
    Ground,
    Hidden,
    Overlay,
    OverlayField,
    OverlayMoved,
    OverlayWrite,
    document_mark,
)
from callboard.features.catalog.store import overlays
from callboard.features.catalog.store.placing import Incoming, Placed
from callboard.kernel.clock import parse_time
from callboard.kernel.db.interface import Row, Transaction
from callboard.kernel.errors import InputError
from callboard.model.fields import find_fault, find_value, parse_field, with_value, with_values

if TYPE_CHECKING:
    from callboard.features.catalog.service.writing import Change, Writer

MAX_FIELDS = 200
HIDDEN = "HiddenByDecision"
"""Name of the finding on an entity that is kept out."""


@dataclass(slots=True)
class Laid:
    """Documents with what is laid over them. By ref: what is to be told, and what the sources said with why it is not applied."""

    documents: list[Incoming]
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    sources: dict[str, tuple[bytes, str | None]] = field(default_factory=dict)

    def rows(self, placed: Placed) -> list[tuple[str, bytes, str | None]]:
        return [(d.ref, *self.sources[d.ref]) for d in placed.accepted.values() if d.ref in self.sources]

    def told(self, placed: Placed) -> list[tuple[int, str | None, Finding]]:
        return [(id, d.owner, f) for id, d in placed.accepted.items() for f in self.findings.get(d.ref, ())]

    def subjects(self, placed: Placed) -> list[int]:
        return [id for id, d in placed.accepted.items() if d.ref in self.sources]


class OverlayLayer:
    """Lays fields over documents. Asks the database once for all of them; most have none."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def lay(self, tx: Transaction, documents: Sequence[Incoming]) -> Laid | None:
        """None when nothing is laid over any of them."""
        found = await overlays.find_laid(tx, [document.ref for document in documents]) if documents else {}
        if not found:
            return None
        laid = Laid([])
        for document in documents:
            overlay = found.get(document.ref)
            if overlay is not None and document.entity is not None:
                document = self.lay_one(document, overlay, laid)
            laid.documents.append(document)
        return laid

    def lay_one(self, document: Incoming, overlay: Overlay, laid: Laid) -> Incoming:
        assert document.entity is not None
        entity, ref = document.entity, document.ref
        problem = None
        told = laid.findings.setdefault(ref, [])
        if overlay.fields:
            outcome = self.try_fields(entity, {path: one.value for path, one in overlay.fields.items()})
            if outcome.entity is not None:
                told += [_moved(one, now, document) for one, now in find_moved(overlay, entity)]
                laid.sources[ref] = (document.json, None)
                document = replace(
                    document, entity=outcome.entity, json=outcome.json, relations=outcome.relations, owner=outcome.owner
                )
            else:
                problem = outcome.findings[0].message if outcome.findings else "It would not be valid."
                told.append(_invalid(overlay, problem, document))
        if ref not in laid.sources:
            laid.sources[ref] = (document.json, problem)
        if overlay.hidden is not None and entity["kind"].lower() != "location":
            laid.findings[ref] = [_kept_out(overlay.hidden, document)]
            document = replace(document, hidden=True, relations=())
        return document

    def try_fields(self, source: EntityDocument, fields: Mapping[str, Any]) -> Outcome:
        """``source`` with the fields, judged. It is not changed."""
        paths = {name: parse_field(name) for name in fields}
        for name, path in paths.items():
            fault = find_fault(path)
            if fault is None and source["kind"] == "Location" and path[0] == "spec":
                fault = f"{name} says what a Location brings in, and is its source's alone."
            if fault is not None:
                return Outcome(None, findings=[Finding("error", "overlay", fault, field=name)])
        if len(fields) > MAX_FIELDS:
            more = f"At most {MAX_FIELDS} fields are laid over an entity; these are {len(fields)}."
            return Outcome(None, findings=[Finding("error", "overlay", more)])
        merged = with_values(orjson.loads(orjson.dumps(source)), {paths[name]: v for name, v in fields.items()})
        annotations = merged["metadata"].get("annotations")
        if fields and (annotations is None or isinstance(annotations, dict)):
            path = ("metadata", "annotations", OVERLAY_ANNOTATION)
            merged = with_value(merged, path, ",".join(sorted(fields)))
        return self._documents.process_again(merged)


class Overlays:
    """``CatalogOverlays`` over the same ``Writer`` as everything else."""

    def __init__(self, writer: Writer, layer: OverlayLayer) -> None:
        self._writer = writer
        self._layer = layer

    async def list_grounds(self, tx: Transaction, refs: Sequence[str]) -> Mapping[str, Ground]:
        laid = await overlays.list_overlays(tx, refs)
        found: dict[str, Ground] = {}
        for row in await overlays.list_grounds(tx, refs):
            overlay = laid.get(row[0])
            source = overlay.source if overlay is not None else None
            if source is None and (row[3] or row[2]):
                source = document_of(orjson.loads(row[3] or row[2]))
            if source is not None:
                mark = f"{overlay.mark if overlay is not None else '0'}-{document_mark(source)}"
                found[row[0]] = Ground(row[0], source, overlay, mark)
        return found

    async def list_overlays(self, tx: Transaction, refs: Sequence[str]) -> Mapping[str, Overlay]:
        return await overlays.list_overlays(tx, refs)

    async def list_page(self, tx: Transaction, *, hidden: bool, after: str = "", limit: int = 50) -> Sequence[Overlay]:
        return await overlays.list_page(tx, hidden=hidden, after=after, limit=limit)

    def judge(self, source: EntityDocument, fields: Mapping[str, Any]) -> Sequence[Finding]:
        outcome = self._layer.try_fields(source, fields)
        return () if outcome.entity is not None else outcome.findings

    def merge(self, source: EntityDocument, fields: Mapping[str, Any]) -> EntityDocument:
        return with_values(source, {parse_field(name): value for name, value in fields.items()})

    def describe(self, source: EntityDocument, fields: Mapping[str, Any]) -> EntityDocument:
        outcome = self._layer.try_fields(source, fields)
        if outcome.entity is None:
            return source
        relations = [{"type": t, "targetRef": target} for s, t, target in outcome.relations if s == outcome.ref]
        return {**outcome.entity, "relations": relations}

    # ---- writing -------------------------------------------------------------------------------------------------------

    async def write(self, tx: Transaction, writes: Sequence[OverlayWrite], *, actor: str) -> None:
        change = await self._writer.begin(tx, actor)  # from here on nobody else writes entities
        refs = [write.ref for write in writes]
        known = await overlays.list_overlays(tx, refs)
        grounds = await self.list_grounds(tx, refs)
        moved = [
            write.ref for write in writes
            if (write.expected is not None and (write.ref not in grounds or grounds[write.ref].mark != write.expected))
            or (write.fields and write.ref not in grounds and write.ref not in known)
        ]  # fmt: skip
        if moved:
            raise _moved_error(moved)
        new = await asyncio.to_thread(self._plan, writes, known, grounds, actor, change)
        await self._put(tx, change, new)

    def _plan(
        self, writes: Sequence[OverlayWrite], known: Mapping[str, Overlay], grounds: Mapping[str, Ground], actor: str,
        change: Change,
    ) -> dict[str, Overlay | None]:  # fmt: skip
        new: dict[str, Overlay | None] = {}
        for write in writes:
            ground, old = grounds.get(write.ref), known.get(write.ref)
            source = ground.source if ground is not None else None
            fields = {
                path: _field(path, value, write, old, source, actor, change.now) for path, value in write.fields.items()
            }
            if source is not None and fields:
                findings = self.judge(source, write.fields)
                if findings:
                    raise InputError(f"{write.ref}: {findings[0].message}", field=findings[0].field)
            hidden = old.hidden if old is not None else None
            new[write.ref] = None
            if fields or hidden is not None:
                mark = f"{change.revision:x}"
                new[write.ref] = Overlay(write.ref, fields, mark, actor, parse_time(change.now), hidden, None, source)
        return new

    async def hide(self, tx: Transaction, refs: Sequence[str], why: str, *, actor: str) -> None:
        change = await self._writer.begin(tx, actor)
        now = parse_time(change.now)
        known = await overlays.list_overlays(tx, refs)
        grounds = await self.list_grounds(tx, refs)
        new: dict[str, Overlay | None] = {}
        for ref in refs:
            if ref not in grounds:
                raise _moved_error([ref])
            if grounds[ref].source["kind"].lower() == "location":
                raise InputError(f"{ref} brings others in. Remove it where it is registered instead.")
            old = known.get(ref)
            fields = old.fields if old is not None else {}
            by, at = (old.by, old.at) if old is not None else (actor, now)
            new[ref] = Overlay(
                ref, fields, f"{change.revision:x}", by, at, Hidden(actor, now, why), None, grounds[ref].source
            )
        await self._put(tx, change, new)

    async def show(self, tx: Transaction, refs: Sequence[str], *, actor: str) -> None:
        change = await self._writer.begin(tx, actor)
        known = await overlays.list_overlays(tx, refs)
        new: dict[str, Overlay | None] = {}
        for ref in refs:
            old = known.get(ref)
            if old is not None and old.hidden is not None:
                new[ref] = replace(old, hidden=None, mark=f"{change.revision:x}") if old.fields else None
        await self._put(tx, change, new)

    async def _put(self, tx: Transaction, change: Change, new: Mapping[str, Overlay | None]) -> None:
        """Keep or forget the overlays, and have the entities say so."""
        grounds = await self.list_grounds(tx, list(new))
        for ref, overlay in new.items():
            if overlay is None:
                await overlays.forget(tx, ref)
            else:
                await overlays.keep(tx, overlay)
        await self._restate(tx, change, {ref: (grounds[ref].source, new[ref]) for ref in new if ref in grounds})
        await change.finish()

    async def _restate(
        self, tx: Transaction, change: Change, given: Mapping[str, tuple[EntityDocument, Overlay | None]]
    ) -> None:
        nodes = {row[0]: row for row in await overlays.list_grounds(tx, list(given))}
        ids, laid = await asyncio.to_thread(self._lay_all, given, nodes)
        await change.restate(ids, laid)

    def _lay_all(
        self, given: Mapping[str, tuple[EntityDocument, Overlay | None]], nodes: Mapping[str, Row]
    ) -> tuple[dict[int, Incoming], Laid]:
        laid = Laid([])
        ids: dict[int, Incoming] = {}
        for ref, (source, overlay) in given.items():
            outcome = self._layer.try_fields(source, {})
            if ref not in nodes or outcome.entity is None:  # of a kind that changed: it is placed anew when it is read
                continue
            _, id, _, _, location, origin, key = nodes[ref]
            document = Incoming(
                ref, outcome.entity, key, location, origin, outcome.relations, owner=outcome.owner, json=outcome.json
            )
            ids[id] = self._layer.lay_one(document, overlay, laid) if overlay is not None else document
        return ids, laid


def find_moved(overlay: Overlay, source: Mapping[str, Any]) -> list[tuple[OverlayField, Any]]:
    """Fields of which the source says something else than when they were laid over, with what it says now."""
    found = []
    for one in overlay.fields.values():
        now = find_value(source, parse_field(one.path))
        if now not in (one.base, one.value):
            found.append((one, now))
    return found


def _field(
    path: str, value: Any, write: OverlayWrite, old: Overlay | None, source: EntityDocument | None, actor: str, now: str
) -> OverlayField:
    """One that stays as it was keeps who laid it over, and when."""
    base = find_value(source, parse_field(path)) if source is not None else None
    had = old.fields.get(path) if old is not None else None
    if had is not None and had.value == value and path not in write.kept:
        return had
    return OverlayField(path, value, base if source is not None or had is None else had.base, actor, parse_time(now))


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= 120 else f"{text[:119]}…"


def _moved(one: OverlayField, now: Any, document: Incoming) -> Finding:
    return Finding(
        "warning", "overlay",
        f"{one.path}: the source now says {_said(now)} instead of {_said(one.base)}; the portal's {_said(one.value)} stands.",
        name="OverlayMoved", file=document.location.partition(":")[2] or None, line=None, field=one.path,
        fix="Take the source's value, or keep the portal's, on the page of what is laid over the entity.",
    )  # fmt: skip


def _invalid(overlay: Overlay, problem: str, document: Incoming) -> Finding:
    return Finding(
        "error", "overlay", f"What is laid over the entity is not applied ({', '.join(sorted(overlay.fields))}): {problem}",
        name="OverlayInvalid", file=document.location.partition(":")[2] or None,
        fix="The source's entity is shown as it is. Change what is laid over it, or remove it.",
    )  # fmt: skip


def _kept_out(hidden: Hidden, document: Incoming) -> Finding:
    why = f": {hidden.why}" if hidden.why else ""
    return Finding(
        "warning", "overlay", f"{hidden.by} decided on {hidden.at:%Y-%m-%d} that it is kept out of the catalog{why}",
        name=HIDDEN, entity_ref=document.ref, fix="Let it in again at /catalog/hidden.",
    )  # fmt: skip


def _moved_error(refs: Sequence[str]) -> OverlayMoved:
    return OverlayMoved(f"{refs[0]} changed meanwhile. Nothing was written.", refs=refs)
