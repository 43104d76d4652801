"""Chunks of files to documents that can be placed: the processing pipeline with this portal's rules, kinds and hosts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.domain import location_of, owner_of
from callboard.features.catalog.ingest.sources import UNREAD, Contents, Target
from callboard.features.catalog.interface import Finding, Processor, ReadFile
from callboard.features.catalog.processing.locations import location_targets
from callboard.features.catalog.processing.pipeline import (
    ProcessingContext,
    Rejected,
    find_ref,
    process_again,
    process_document,
)
from callboard.features.catalog.processing.placeholders import PlaceholderError
from callboard.features.catalog.processing.rules import Rules
from callboard.features.catalog.store.placing import Relation
from callboard.kernel.tracing import span
from callboard.model.documents import DEFAULT_LIMITS, Chunk, Limits, holds_nul, locate, parse_document, split_documents
from callboard.model.problems import Problem, format_field
from callboard.model.refs import MAX_ADDRESS_LENGTH, MAX_REF_LENGTH, LocationRef, RefError
from callboard.model.urls import Hosts
from callboard.model.validation import EntityValidator

PIPELINE = 1
"""Raised when processing gives another result for the same document, so that all are processed again."""


@dataclass(slots=True)
class Outcome:
    """What became of one document. ``ref`` None: it could not be told what it is; ``entity`` None: refused.

    ``json`` is ``entity`` as UTF-8 JSON.
    """

    ref: str | None
    entity: dict[str, Any] | None = None
    relations: Sequence[Relation] = ()
    findings: Sequence[Finding] = ()
    unprocessed: Any = None
    owner: str | None = None
    reads: Mapping[str, str | None] = field(default_factory=dict)
    json: bytes = b""


class Documents:
    """Stateless but for a small cache of contexts; safe to call from a worker thread."""

    def __init__(
        self, *, validator: EntityValidator, rules: Rules, hosts: Hosts, processors: Sequence[Processor] = (),
        limits: Limits = DEFAULT_LIMITS, location_types: Sequence[str] = ("url",), kinds_version: str = "",
    ) -> None:  # fmt: skip
        self._validator = validator
        self._rules = rules
        self._hosts = hosts
        self._processors = tuple(processors)
        self._limits = limits
        self._location_types = tuple(location_types)
        self.fingerprint = ""
        self.use_kinds(kinds_version)
        self._contexts: dict[tuple[LocationRef, LocationRef, bool], ProcessingContext] = {}

    def use_kinds(self, kinds_version: str) -> None:
        """The validator's kinds are these from now on: everything is processed again when it is next looked at."""
        processors = [(p.name, p.priority) for p in self._processors]
        text = repr((PIPELINE, self._rules, kinds_version, processors, self._location_types))
        self.fingerprint = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._validator.forget_schemas()

    def context(self, location: LocationRef, origin: LocationRef, *, with_rules: bool = True) -> ProcessingContext:
        key = (location, origin, with_rules)
        kept = self._contexts.get(key)
        if kept is None:
            if len(self._contexts) > 500:
                self._contexts.clear()
            kept = self._contexts[key] = ProcessingContext(
                validator=self._validator,
                location=location,
                origin=origin,
                rules=self._rules if with_rules else None,
                hosts=self._hosts,
                allowed_location_types=self._location_types,
                processors=self._processors,
            )
        return kept

    def split(self, content: bytes) -> list[Chunk] | Problem:
        return split_documents(content, self._limits)

    def reads(self, chunks: Sequence[Chunk], location: LocationRef) -> list[str]:
        """What placeholders in these documents name. Only documents that look as if they had any are parsed."""
        context = self.context(location, location)
        urls: list[str] = []
        for chunk in chunks:
            if b"$" in chunk.data or b"\\" in chunk.data:  # a backslash may spell the dollar in a quoted key
                value = parse_document(chunk, self._limits)
                if isinstance(value, dict):
                    urls += context.plan(value).urls
        return urls

    def refs(self, chunks: Sequence[Chunk]) -> set[str]:
        """Refs that these documents claim, good or not; what says of itself nothing that can be read is left out."""
        return {
            ref for chunk in chunks if chunk.data and (ref := find_ref(parse_document(chunk, self._limits))) is not None
        }

    def find_envelope_problem(self, value: Any) -> Problem | None:
        """Whether a value says what it is; see ``EntityValidator``."""
        return self._validator.find_envelope_problem(value)

    def process_many(
        self, work: Sequence[tuple[Chunk, int]], location: LocationRef, origin: LocationRef, contents: Contents
    ) -> list[Outcome]:
        """Judge each document of a file. Never raises."""
        with span("ProcessingStage", stage="process", catalog_location=str(location), catalog_documents=len(work)):
            return [self._process_chunk(chunk, location, origin, contents) for chunk, _ in work]

    def _process_chunk(self, chunk: Chunk, location: LocationRef, origin: LocationRef, contents: Contents) -> Outcome:
        if not chunk.data:
            # what could not even be split: the finding says why
            return Outcome(None)
        value = parse_document(chunk, self._limits)
        if value is None:
            return Outcome(None)
        if isinstance(value, Problem):
            return Outcome(None, findings=[self._finding(value, None, chunk, location, None)])
        return self.process_value(value, location, origin, contents=contents, chunk=chunk)

    def process_value(
        self, value: Any, location: LocationRef | None, origin: LocationRef | None, *,
        contents: Contents | None = None, chunk: Chunk | None = None, with_rules: bool = True,
    ) -> Outcome:  # fmt: skip
        """Judge a parsed document, as it would come from ``location``."""
        where = location or LocationRef("provider", "unknown")
        context = self.context(where, origin or where, with_rules=with_rules)
        given = contents or {}
        try:
            plan = context.plan(value) if chunk is None else context.plan_chunk(chunk, value)
        except PlaceholderError:
            plan = None  # the pipeline comes to the same end, and says it
        urls = plan.urls if plan is not None else []
        bodies = {
            url: found.content if isinstance(found := given[url], ReadFile) else found for url in urls if url in given
        }
        if (chunk is None and _holds_nul(value)) or any(
            b"\0" in body for body in bodies.values() if isinstance(body, bytes)
        ):
            problem = Problem(
                "envelope", "A text of the document, or of a file that it includes, holds a NUL character",
                name="InputError", fix="Remove it: no database can store it.",
            )  # fmt: skip
            ref = find_ref(value)
            ref = None if ref is None or "\0" in ref else ref
            return Outcome(ref, None, (), [self._finding(problem, ref, chunk, where, None)], value)
        result = process_document(value, context, bodies, plan)
        owner = owner_of(value)
        reads = {
            url: read.etag if isinstance(read := given.get(url), ReadFile) else UNREAD
            for url in urls
            if len(url) <= MAX_ADDRESS_LENGTH
        }
        if isinstance(result, Rejected) and result.ref is not None and len(result.ref) > MAX_REF_LENGTH:
            result = replace(result, ref=None)  # nothing can stand under such a name
        findings = [self._finding(p, result.ref, chunk, where, p.field) for p in result.problems]
        if isinstance(result, Rejected):
            return Outcome(result.ref, None, (), findings, value, owner, reads)
        return Outcome(result.ref, result.entity, result.relations, findings, None, owner, reads, result.json)

    def process_again(self, entity: dict[str, Any]) -> Outcome:
        """Judge a processed entity whose fields people have changed; see ``pipeline.process_again``."""
        where = _parse_location(location_of(entity)) or LocationRef("provider", "unknown")
        origin = _parse_location(location_of(entity, "managed-by-origin-location")) or where
        if _holds_nul(entity):
            problem = Problem("envelope", "A text holds a NUL character", fix="Remove it: no database can store it.")
            return Outcome(None, findings=[self._finding(problem, find_ref(entity), None, where, None)])
        result = process_again(entity, self.context(where, origin, with_rules=False))
        if isinstance(result, Rejected):
            return Outcome(
                result.ref, findings=[self._finding(p, result.ref, None, where, p.field) for p in result.problems]
            )
        return Outcome(result.ref, result.entity, result.relations, (), None, owner_of(result.entity), json=result.json)

    def targets(self, entity: Mapping[str, Any], location: LocationRef) -> tuple[list[Target], list[Finding]]:
        """What a Location entity names, and what is wrong with the rest of it."""
        found, problems = location_targets(entity, location, allowed_types=self._location_types, hosts=self._hosts)
        return (
            [Target(t.ref, not t.required) for t in found],
            [self._finding(p, find_ref(entity), None, location, p.field) for p in problems],
        )

    def _finding(
        self, problem: Problem, ref: str | None, chunk: Chunk | None, location: LocationRef, path: Any
    ) -> Finding:
        line, column = problem.line, problem.column
        if line is None and chunk is not None:
            line, column = locate(chunk, path or ())
        return Finding(
            severity="error", stage=problem.stage, message=problem.message, name=problem.name, file=location.target,
            line=line, column=column, field=format_field(problem.field) or None, fix=problem.fix, entity_ref=ref,
        )  # fmt: skip

    def file_finding(self, problem: Problem, location: LocationRef) -> Finding:
        return self._finding(problem, None, None, location, None)


def _parse_location(location: str) -> LocationRef | None:
    try:
        return LocationRef.parse(location)
    except RefError:
        return None


def _holds_nul(value: Any) -> bool:
    """``model.documents.holds_nul``, asked only where the JSON of ``value`` shows that it may."""
    try:
        return b"\\u0000" in orjson.dumps(value) and holds_nul(value)
    except TypeError:  # too deep, or nothing that JSON knows: the pipeline says so
        return False


def fingerprint_of_kinds(definitions: Sequence[Any]) -> str:
    """Changes when a kind does, so that its entities are judged again."""
    return hashlib.sha1(repr(definitions).encode(), usedforsecurity=False).hexdigest()
