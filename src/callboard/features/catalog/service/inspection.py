"""Looking without writing: dry runs, analysis of a repository, validation, and what happened to a file or ref."""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence
from urllib.parse import urlsplit

import orjson

from callboard.features.catalog.ingest.documents import Documents
from callboard.features.catalog.ingest.sources import Sources, Target
from callboard.features.catalog.interface import Finding, Why, WhyStep, WhySubject
from callboard.features.catalog.service.overlays import HIDDEN
from callboard.features.catalog.service.queries import Queries
from callboard.features.catalog.store import tracing
from callboard.features.catalog.store.tracing import TracedDocument, TracedFile
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import CallboardError, InputError
from callboard.kernel.permissions import PermissionService
from callboard.model.locations import location_entity
from callboard.model.problems import Problem
from callboard.model.refs import EntityRef, LocationRef, RefError

MAX_DRY_RUN_FILES = 100
_SLUG_HOSTS = {
    "github.com": "github.com/project-slug",
    "gitlab.com": "gitlab.com/project-slug",
    "bitbucket.org": "bitbucket.org/project-slug",
    "dev.azure.com": "dev.azure.com/project-repo",
}
STEPS = ("named", "read", "parsed", "validated", "placed", "stitched")
_STAGE_STEP = {
    "read": "read", "parse": "parsed", "envelope": "parsed", "preprocess": "validated", "policy": "validated",
    "kind": "validated", "location": "validated", "rules": "validated", "relations": "validated",
    "conflict": "placed", "stitch": "stitched", "overlay": "stitched",
}  # fmt: skip


class Inspection:
    def __init__(self, db: Database, documents: Documents, sources: Sources, permissions: PermissionService) -> None:
        self._db = db
        self._documents = documents
        self._sources = sources
        self._permissions = permissions

    # ---- dry run --------------------------------------------------------------------------------------------------

    async def dry_run(self, location: LocationRef) -> list[dict[str, Any]]:
        """Everything that registering ``location`` would bring, its Location entity first, as processed.

        Raises:
            InputError: something could not be read or is not valid; the message joins all causes.
        """
        start = self._documents.process_value(location_entity(location), location, location, with_rules=False)
        assert start.entity is not None
        entities = [start.entity]
        refs = {start.ref}
        problems: list[str] = []
        todo: list[tuple[dict[str, Any], LocationRef]] = [(start.entity, location)]
        read = 0
        while todo:
            entity, base = todo.pop(0)
            targets, findings = self._documents.targets(entity, base)
            problems += [f"{f.name}: {f.message}" for f in findings]
            for target in targets:
                read += 1
                if read > MAX_DRY_RUN_FILES:
                    raise InputError(
                        f"The location leads to more than {MAX_DRY_RUN_FILES} files; register parts of it."
                    )
                for file_location, outcome in await self._outcomes(target, location, problems):
                    problems += [f"{f.name}: {f.message}" for f in outcome.findings]
                    if outcome.entity is None or outcome.ref is None:
                        continue
                    if outcome.ref in refs:
                        problems.append(f"Error: Duplicate nested entity: {outcome.ref}")
                        continue
                    refs.add(outcome.ref)
                    entities.append(outcome.entity)
                    if outcome.entity["kind"] == "Location":
                        todo.append((outcome.entity, file_location))
        if problems:
            raise InputError(", ".join(problems))
        return entities

    async def _outcomes(
        self, target: Target, origin: LocationRef, problems: list[str]
    ) -> list[tuple[LocationRef, Any]]:
        try:
            hits = await self._sources.read(target, origin, None)
        except CallboardError as error:
            if not (target.optional and error.name == "NotFoundError"):
                problems.append(_unread(target, error, is_known=self._sources.urls.handles(target.ref.target)))
            return []
        found = []
        for file in hits.files:
            location = LocationRef(target.ref.type, file.url)
            chunks = self._documents.split(file.content)
            if isinstance(chunks, Problem):
                problems.append(f"Error: YAML error at {location}, {chunks.message}")
                continue
            contents = await self._sources.read_all(self._documents.reads(chunks, location), location, origin)
            for outcome in self._documents.process_many(
                [(c, i) for i, c in enumerate(chunks)], location, origin, contents
            ):
                for finding in outcome.findings:
                    if finding.stage == "parse":
                        problems.append(f"Error: YAML error at {location}, {finding.name}: {finding.message}")
                if not any(f.stage == "parse" for f in outcome.findings):
                    found.append((location, outcome))
        return found

    # ---- analysis and validation ----------------------------------------------------------------------------------

    async def analyze(
        self, location: LocationRef, filename: str | None, *, actor: Actor, queries: Queries
    ) -> Mapping[str, Any]:
        """What a repository holds already, or a Component to begin with. Source of the shape: recorded answers."""
        wanted = filename or "catalog-info.yaml"
        existing: list[dict[str, Any]] = []
        parts = urlsplit(location.target)
        path = [part for part in parts.path.split("/") if part]
        for file in await self._search(location.target, wanted):
            here = LocationRef("url", file.url)
            chunks = self._documents.split(file.content)
            if isinstance(chunks, Problem):
                continue
            async with self._db.read(snapshot=False) as tx:
                seen = await queries.ids_seen_by(tx, actor)
                registered = await tracing.is_registered(tx, str(here), seen)
            for outcome in self._documents.process_many([(c, i) for i, c in enumerate(chunks)], here, here, {}):
                document = outcome.entity or outcome.unprocessed
                if document is not None:
                    existing.append(
                        {
                            "location": {"type": "url", "target": file.url},
                            "isRegistered": registered,
                            "entity": document,
                        }
                    )
        if existing:
            return {"existingEntityFiles": existing, "generateEntities": []}
        metadata: dict[str, Any] = {"name": _repository_name(path) or "unknown"}
        annotation = _SLUG_HOSTS.get(parts.hostname or "")
        if annotation and len(path) >= 2:
            metadata["annotations"] = {annotation: "/".join(path[:2]).removesuffix(".git")}
        entity = {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": metadata,
            "spec": {"type": "other", "lifecycle": "unknown"},
        }
        return {"existingEntityFiles": [], "generateEntities": [{"entity": entity, "fields": []}]}

    async def _search(self, target: str, filename: str) -> Sequence[Any]:
        parts = urlsplit(target)
        if (
            target.endswith((".yaml", ".yml"))
            or not self._sources.urls.handles(target)
            or parts.hostname not in _SLUG_HOSTS
        ):
            return ()
        pattern = f"{target.rstrip('/')}/**/{filename}"
        if parts.hostname == "github.com" and "/tree/" not in target and "/blob/" not in target:
            pattern = f"{target.rstrip('/').removesuffix('.git')}/blob/HEAD/**/{filename}"
        elif parts.hostname == "gitlab.com" and "/-/" not in target:
            pattern = f"{target.rstrip('/').removesuffix('.git')}/-/blob/HEAD/**/{filename}"
        try:
            return await self._sources.urls.search(pattern)
        except CallboardError:
            return ()

    async def validate(self, entity: Any, location: LocationRef) -> Sequence[Finding]:
        """Errors that would keep the document out; empty when it is good. Rules are not asked, as in Backstage."""
        if location.type != "url":
            raise InputError(f"Validation requires a location of type 'url', got '{location.type}'", field="location")
        body = orjson.dumps(entity)
        contents: Mapping[str, Any] = {}
        if b'"$' in body and isinstance(entity, dict):
            urls = self._documents.context(location, location).plan(entity).urls
            contents = await self._sources.read_all(urls, location, location)
        outcome = self._documents.process_value(entity, location, location, contents=contents, with_rules=False)
        return list(outcome.findings) if outcome.entity is None else []

    # ---- why ------------------------------------------------------------------------------------------------------

    async def why(self, asked: str, *, actor: Actor, queries: Queries) -> Why:
        """What happened to a ref, a URL or a path. What the actor may not see, nobody ever named."""
        asked = asked.strip()
        ref = _as_ref(asked)
        async with self._db.read(snapshot=False) as tx:
            visible = await queries.ids_seen_by(tx, actor)
            if ref is not None:
                documents = await tracing.trace_ref(tx, str(ref), visible)
            else:
                found = await tracing.trace_files(tx, _spellings(asked), visible)
        if ref is not None:
            subjects = [self._document_subject(d) for d in documents]
            near = [] if subjects else await queries.near_matches(ref, actor=actor)
            return Why(asked, "ref", subjects, near)
        subjects = []
        for file in found:
            subjects.append(self._file_subject(file, visible is None))
            subjects += [self._document_subject(d) for d in file.documents]
        return Why(asked, "location", subjects, [])

    def _file_subject(self, file: TracedFile, everything: bool) -> WhySubject:
        steps = [WhyStep("named", "ok", f"Named by {file.parent_ref or 'a source'} as {file.target}")]
        # a finding about a document that may be hidden is told with the document
        own = [f for f in file.findings if everything or f.entity_ref is None]
        if file.error or (file.state == "new" and any(f.stage == "read" for f in own)):
            reading = [f for f in own if f.stage == "read"]
            steps.append(WhyStep("read", "failed", file.error or "Never read", file.read_at, reading))
        elif file.state == "new":
            steps.append(WhyStep("read", "waiting", "Not read yet"))
        else:
            steps.append(WhyStep("read", "ok", "Read, and unchanged since", file.read_at))
        parsing = [f for f in own if f.stage in ("parse", "envelope") and f.entity_ref is None]
        if file.state != "new":
            good = sum(1 for d in file.documents if d.state == "ok")
            there = file.unreadable + sum(1 for d in file.documents if d.state != "kept")
            detail = f"{there} document{'s' if there != 1 else ''}, {good} of them accepted"
            steps.append(WhyStep("parsed", "failed" if parsing else "ok", detail, file.changed_at, parsing))
        stopped = next((s.name for s in steps if s.state == "failed"), None)
        return WhySubject(file.location.partition(":")[2], None, file.location, steps, stopped)

    def _document_subject(self, document: TracedDocument) -> WhySubject:
        by_step: dict[str, list[Finding]] = {}
        for finding in document.findings:
            by_step.setdefault(_STAGE_STEP.get(finding.stage, "validated"), []).append(finding)
        named = (
            f"In {document.location}, line {document.line}" if document.location and document.line
            else f"Given by {', '.join(document.sources)}" if document.sources
            else f"In {document.location}" if document.location else "Named by no source now"
        )  # fmt: skip
        details = {
            "named": named,
            "read": document.read_error or "Read",
            "parsed": "YAML and envelope are good",
            "validated": "Fits the schema of its kind, the policies and the rules",
            "placed": "Holds its ref" if document.state != "conflict" else "Another source holds this ref",
            "stitched": "In the catalog, with its relations",
        }
        steps: list[WhyStep] = []
        stopped: str | None = None
        for step in STEPS:
            findings = by_step.get(step, [])
            errors = [f for f in findings if f.severity == "error"]
            failed = bool(errors) or (step == "placed" and document.state == "conflict")
            failed = failed or (step == "read" and document.read_error is not None)
            if stopped is not None:
                kept = step == "stitched" and document.is_entity and document.state != "conflict"
                detail = "The last good version stays in the catalog" if kept else "Not reached"
                steps.append(
                    WhyStep(step, "ok" if kept else "skipped", detail, document.stitched_at if kept else None, findings)
                )
                continue
            if failed:
                stopped = step
                detail = errors[0].message if errors else details[step]
                steps.append(WhyStep(step, "failed", detail, document.read_at, findings))
            elif step == "stitched" and not document.is_entity:
                stopped = step
                hidden = next((f for f in findings if f.name == HIDDEN), None)
                if hidden is not None:
                    steps.append(WhyStep(step, "failed", hidden.message, hidden.since, findings))
                    continue
                steps.append(WhyStep(step, "waiting", "Waits for its turn", None, findings))
            else:
                at = document.stitched_at if step == "stitched" else document.read_at
                steps.append(WhyStep(step, "ok", details[step], at, findings))
        return WhySubject(document.ref or "Unreadable document", document.ref, document.location, steps, stopped)


def _unread(target: Target, error: CallboardError, *, is_known: bool) -> str:
    """As Backstage says it (recorded answers): clients show these messages."""
    type, where = target.ref
    if error.name == "NotFoundError":
        return f"NotFoundError: Unable to read {type}, no matching files found for {where}"
    if type == "url" and not is_known:
        return (
            f"Error: Unable to read {type}, Reading from '{where}' is not allowed. You may need to configure an integration "
            "for the target host, or add it to the configured list of allowed hosts at 'backend.reading.allow'"
        )
    return f"Error: Unable to read {type}, {error.message}"


def _as_ref(asked: str) -> EntityRef | None:
    if (
        "://" in asked
        or asked.startswith(("/", ".", "url:", "file:"))
        or asked.lower().endswith((".yaml", ".yml", ".json"))
    ):
        return None
    try:
        return EntityRef.parse(asked, default_kind="component")
    except RefError:
        return None


def _spellings(asked: str) -> list[str]:
    """Location refs that a pasted URL or path may stand for."""
    bare = re.sub(r"^(url|file):(?!//)", "", asked)
    bare = bare.removeprefix("file://") if asked.startswith("file://") else bare
    found = [f"url:{bare}", f"file:{bare}"]
    found += [s.replace("/blob/", "/tree/", 1) for s in found if "/blob/" in s]
    found += [s.replace("/tree/", "/blob/", 1) for s in found if "/tree/" in s]
    return list(dict.fromkeys(found))


def _repository_name(path: Sequence[str]) -> str:
    """The repository's name in a URL's path; of a plain file URL the last part, as the fallback of Backstage has it."""
    if not path:
        return ""
    for marker in ("blob", "tree", "-", "_git", "src"):
        if marker in path[2:]:
            at = path.index(marker, 2)
            return (path[at + 1] if marker == "_git" else path[at - 1]).removesuffix(".git")
    return path[-1].removesuffix(".git")
