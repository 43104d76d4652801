"""One document through all steps, in Backstage's order. Pure: what a document needs from outside is handed in.

Use: ``context = ProcessingContext(...)``; ``plan = context.plan(value)``; read ``plan.urls``; ``process_document(value,
context, contents)``. Documents without placeholders (nearly all) need no reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import Processor
from callboard.features.catalog.processing import annotate, placeholders
from callboard.features.catalog.processing.locations import LocationTarget, location_targets
from callboard.features.catalog.processing.placeholders import Content, Plan, Resolver
from callboard.features.catalog.processing.rules import Rules, not_allowed_message
from callboard.model.documents import Chunk
from callboard.model.problems import Problem
from callboard.model.refs import DEFAULT_NAMESPACE, MAX_REF_LENGTH, LocationRef
from callboard.model.relations import Relation, relations_of, sort_refs
from callboard.model.urls import DEFAULT_HOSTS, Hosts
from callboard.model.validation import EntityValidator, fill_namespace

MAX_RELATIONS = 50_000


@dataclass(frozen=True)
class ProcessingContext:
    """What holds for all documents of one location. Build one per location and use it for each of its documents.

    ``origin`` is where the chain of Locations began (``location`` itself if None); ``rules`` None allows every kind;
    ``allowed_location_types`` None allows all. ``resolvers`` adds ``$openapi`` and the like.
    """

    validator: EntityValidator
    location: LocationRef
    origin: LocationRef | None = None
    rules: Rules | None = None
    hosts: Hosts = field(default_factory=lambda: DEFAULT_HOSTS)
    allowed_location_types: Sequence[str] | None = ("url",)
    resolvers: Mapping[str, Resolver] = field(default_factory=lambda: placeholders.DEFAULT_RESOLVERS)
    processors: Sequence[Processor] = ()
    max_relations: int = MAX_RELATIONS

    @cached_property
    def forced_annotations(self) -> dict[str, str]:
        return annotate.forced_annotations(self.location, self.origin or self.location)

    @cached_property
    def default_annotations(self) -> dict[str, str]:
        return annotate.default_annotations(self.location, self.hosts)

    def plan(self, value: Any) -> Plan:
        """The placeholders of a document and what to read for them."""
        return placeholders.plan(value, self.location, hosts=self.hosts, resolvers=self.resolvers)

    def plan_chunk(self, chunk: Chunk, value: Any) -> Plan:
        """The same, cheaper where the text of the document rules placeholders out."""
        if b"$" not in chunk.data and b"\\" not in chunk.data:  # a backslash may spell the dollar in a quoted key
            return placeholders.NOTHING
        return self.plan(value)


@dataclass(frozen=True, slots=True)
class Processed:
    """A good entity: annotated, placeholders filled, namespace set, lists of refs sorted; ``json`` is it as UTF-8 JSON.

    ``problems`` do not keep it back: targets of a Location that cannot be. ``refresh_keys`` are the locations it was
    made from besides its own file (``url:https://…``).
    """

    entity: dict[str, Any]
    ref: str
    json: bytes
    relations: list[Relation]
    location_targets: list[LocationTarget] = field(default_factory=list)
    placeholder_reads: Sequence[str] = ()
    problems: Sequence[Problem] = ()

    @property
    def refresh_keys(self) -> list[str]:
        return [f"url:{url}" for url in self.placeholder_reads]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A document that gives no entity. ``problems`` has at least one, the first is the one that Backstage gives.

    ``ref`` is what it would have been called, None when not even that can be told.
    """

    problems: Sequence[Problem]
    ref: str | None = None
    placeholder_reads: Sequence[str] = ()


def find_ref(value: Any) -> str | None:
    """The lower-cased ref that a document claims, however broken the rest of it is; None when it has none."""
    if not isinstance(value, dict):
        return None
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        return None
    kind, name, namespace = value.get("kind"), metadata.get("name"), metadata.get("namespace")
    if not (isinstance(kind, str) and kind and isinstance(name, str) and name):
        return None
    return f"{kind}:{namespace if isinstance(namespace, str) and namespace else DEFAULT_NAMESPACE}/{name}".lower()


def process_document(
    value: Any, context: ProcessingContext, contents: Mapping[str, Content] | None = None, plan: Plan | None = None
) -> Processed | Rejected:
    """All steps for one parsed document. Never raises; ``value`` is left as it was.

    ``contents`` answers ``plan.urls``; ``plan`` may be handed in when the caller has made it already.
    """
    validator = context.validator
    problem = validator.find_envelope_problem(value)
    if problem is not None:
        return Rejected((problem,), find_ref(value))
    metadata = value["metadata"]
    ref = f"{value['kind']}:{metadata.get('namespace') or DEFAULT_NAMESPACE}/{metadata['name']}".lower()
    origin = context.origin or context.location
    if context.rules is not None and not context.rules.allows(value, origin):
        return Rejected((_not_allowed(value, ref, context.location, origin),), ref)

    reads: Sequence[str] = ()
    entity: dict[str, Any]
    try:
        plan = plan if plan is not None else context.plan(value)
    except placeholders.PlaceholderError as error:
        return Rejected((Problem("preprocess", str(error), fix="Flatten it."),), ref)
    if plan.placeholders:
        reads = plan.urls
        filled = placeholders.apply(value, plan, contents or {}, resolvers=context.resolvers)
        if isinstance(filled, Problem):
            return Rejected((filled,), ref, reads)
        if find_ref(filled) != ref:
            return Rejected((_changed_ref(),), ref, reads)
        entity = dict(filled)
    else:
        entity = dict(value)
    metadata = entity["metadata"] = dict(entity["metadata"])
    spec = entity.get("spec")
    if type(spec) is dict:
        entity["spec"] = dict(spec)
        sort_refs(entity)
    annotate.annotate(metadata, context.default_annotations, context.forced_annotations)
    fill_namespace(entity)
    if context.processors:
        result = _run_processors(entity, ref, context)
        if isinstance(result, Problem):
            return Rejected((result,), ref, reads)
        entity = result
    return _finish(entity, ref, context, reads)


def process_again(entity: dict[str, Any], context: ProcessingContext) -> Processed | Rejected:
    """The steps from validation on, for a processed entity whose fields people have changed. ``entity`` is taken over.

    What was done to the document before is not done twice: a processor need not come to the same end from its own result.
    """
    ref = find_ref(entity) or ""
    sort_refs(entity)
    metadata = entity["metadata"]
    if isinstance(metadata.get("annotations"), dict):
        annotate.annotate(metadata, {}, {})
    return _finish(entity, ref, context, ())


def _finish(entity: dict[str, Any], ref: str, context: ProcessingContext, reads: Sequence[str]) -> Processed | Rejected:
    version, problems = context.validator.validate(entity, ref)
    if problems or version is None:
        return Rejected(problems, ref, reads)

    targets: list[LocationTarget] = []
    target_problems: list[Problem] = []
    if entity["kind"] == "Location":
        targets, target_problems = location_targets(
            entity, context.location, allowed_types=context.allowed_location_types, hosts=context.hosts
        )
        if target_problems and not targets:
            return Rejected(target_problems, ref, reads)
    relations = relations_of(entity, version, ref)
    if isinstance(relations, Problem):
        return Rejected((relations,), ref, reads)
    if len(relations) > context.max_relations:
        return Rejected((_too_many(len(relations), context.max_relations),), ref, reads)
    for source, _, target in relations:
        if len(target) > MAX_REF_LENGTH or len(source) > MAX_REF_LENGTH:
            return Rejected((_too_long(max(source, target, key=len)),), ref, reads)
    try:
        json = orjson.dumps(entity)
    except (TypeError, ValueError) as error:  # a value of a provider, a plugin or a placeholder that JSON does not have
        return Rejected((_not_json(ref, error),), ref, reads)
    return Processed(entity, ref, json, relations, targets, reads, target_problems)


def _run_processors(entity: dict[str, Any], ref: str, context: ProcessingContext) -> dict[str, Any] | Problem:
    for processor in sorted(context.processors, key=lambda p: p.priority):
        try:
            entity = processor.process(entity, context.location)
        except Exception as error:  # a plugin's fault must not stop the other documents
            name, message = type(error).__name__, str(error)
            what = f"Processor {processor.name} threw an error while preprocessing; caused by {name}: {message}"
            return Problem("preprocess", what, cause=(name, message))
        if find_ref(entity) != ref:
            return _changed_ref()
    return entity


def _changed_ref() -> Problem:
    message = "Fatal: The entity kind, namespace, or name changed during processing"
    return Problem(
        "preprocess", message, ("metadata", "name"), fix="Keep kind, namespace and name out of placeholders."
    )


def _not_allowed(value: Mapping[str, Any], ref: str, location: LocationRef, origin: LocationRef) -> Problem:
    fix = f"Add {value['kind']} to allow in catalog.rules, or to the rules of this location in catalog.locations."
    return Problem("rules", not_allowed_message(ref, location, origin), ("kind",), "NotAllowedError", fix=fix)


def _not_json(ref: str, error: Exception) -> Problem:
    message = f"Policy check failed for {ref}; caused by Error: The entity is not valid JSON: {error}"
    fix = "Use text, numbers, true, false, null, lists and mappings with text keys, and do not nest too deeply."
    return Problem("policy", message, cause=("Error", f"The entity is not valid JSON: {error}"), fix=fix)


def _too_long(ref: str) -> Problem:
    message = f"The reference {ref[:60]}… has {len(ref):,} characters; at most {MAX_REF_LENGTH} are allowed"
    return Problem("relations", message, ("spec",), "LimitError", fix="Name an entity: kind:namespace/name.")


def _too_many(count: int, limit: int) -> Problem:
    message = f"The entity has {count:,} relations, counted from both ends; at most {limit:,} are allowed"
    return Problem("relations", message, ("spec",), "LimitError", fix="Split it, or point from the other end.")
