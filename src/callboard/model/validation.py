"""Whether a document is an entity: envelope, common fields, policies, and the schema of its kind, in Backstage's order.

The good case costs one call of a compiled JSON Schema and a few look-ups; words are made only for the bad one.

Sources: Backstage catalog-model 1.10.1 (schemas, ``FieldFormatEntityPolicy``, ``KubernetesValidatorFunctions``), message
texts from recorded responses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any, Callable, Mapping, Protocol, Sequence

from callboard.model.kinds import KindRegistry, KindVersion
from callboard.model.problems import FieldPath, Problem, Stage
from callboard.model.refs import DEFAULT_NAMESPACE
from callboard.model.schema_errors import SchemaError, explain
from callboard.model.urls import is_absolute

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_TEXT_MAP: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}
_LINK: dict[str, Any] = {
    "type": "object", "required": ["url"], "properties": {"url": _TEXT, "title": _TEXT, "icon": _TEXT, "type": _TEXT}
}  # fmt: skip
_METADATA: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "uid": _TEXT, "etag": _TEXT, "name": _TEXT, "namespace": _TEXT, "title": _TEXT, "description": {"type": "string"},
        "labels": _TEXT_MAP, "annotations": _TEXT_MAP, "tags": {"type": "array", "items": _TEXT},
        "links": {"type": "array", "items": _LINK},
    },
}  # fmt: skip
ENTITY_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata"],
    "additionalProperties": False,
    "properties": {
        "apiVersion": _TEXT, "kind": _TEXT, "metadata": _METADATA, "spec": {"type": "object"},
        "relations": {"type": "array"}, "status": {"type": "object"},
    },
}  # fmt: skip
ENVELOPE_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata"],
    "properties": {
        "apiVersion": _TEXT, "kind": _TEXT,
        "metadata": {"type": "object", "required": ["name"], "properties": {"name": _TEXT, "namespace": _TEXT}},
    },
}  # fmt: skip
_ROOT_FIELDS = frozenset(("apiVersion", "kind", "metadata", "spec"))

# ---- field formats -----------------------------------------------------------------------------------------------------

_DNS_LABEL = re.compile(r"[a-z0-9]+(?:-+[a-z0-9]+)*")
_OBJECT_NAME = re.compile(r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_TAG = re.compile(r"[a-z0-9:+#]+(?:-[a-z0-9:+#]+)*")
_KIND = re.compile(r"[a-zA-Z][a-z0-9A-Z]*")
_SUFFIX = re.compile(r"[a-z0-9A-Z]{1,63}")
_PLAIN_URL = re.compile(r"https?://[a-zA-Z][a-zA-Z0-9.-]*[a-zA-Z](?=[/?#]|\Z)")


def is_dns_label(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 63 and _DNS_LABEL.fullmatch(value) is not None


def is_dns_subdomain(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 253 and all(is_dns_label(part) for part in value.split("."))


def is_object_name(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 63 and _OBJECT_NAME.fullmatch(value) is not None


def is_api_version(value: Any) -> bool:
    return _is_prefixed(value, lambda suffix: _SUFFIX.fullmatch(suffix) is not None)


def is_kind(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 63 and _KIND.fullmatch(value) is not None


def is_label_key(value: Any) -> bool:
    return _is_prefixed(value, is_object_name)


def is_label_value(value: Any) -> bool:
    return value == "" or is_object_name(value)


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_tag(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 63 and _TAG.fullmatch(value) is not None


def is_url(value: Any) -> bool:
    return isinstance(value, str) and (_PLAIN_URL.match(value) is not None or is_absolute(value))


def _is_prefixed(value: Any, is_suffix: Callable[[str], bool]) -> bool:
    if not isinstance(value, str):
        return False
    prefix, slash, suffix = value.partition("/")
    return is_suffix(prefix) if not slash else is_dns_subdomain(prefix) and is_suffix(suffix)


_NAME_WORDS = "a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 characters in total"
_PREFIX_WORDS = "a valid prefix and/or suffix"
_EXPECTED: Mapping[str, str] = {
    "api_version": _PREFIX_WORDS,
    "kind": "a string that is a sequence of [a-zA-Z][a-z0-9A-Z], at most 63 characters in total",
    "name": _NAME_WORDS,
    "namespace": "a string that is sequences of [a-z0-9] separated by [-], at most 63 characters in total",
    "label_key": _PREFIX_WORDS, "label_value": _NAME_WORDS, "annotation_key": _PREFIX_WORDS, "annotation_value": "a string",
    "tag": "a string that is sequences of [a-z0-9+#] separated by [-], at most 63 characters in total",
    "url": "a string that is a valid url", "text": "a non empty string",
}  # fmt: skip
_LEARN_MORE = (
    "To learn more about catalog file format, visit: "
    "https://github.com/backstage/backstage/blob/master/docs/architecture-decisions/adr002-default-catalog-file-format.md"
)


@dataclass(frozen=True)
class FieldFormats:
    """What the common fields may look like. Replace any of them (``FieldFormats(tag=...)``) to loosen or tighten."""

    api_version: Callable[[Any], bool] = is_api_version
    kind: Callable[[Any], bool] = is_kind
    name: Callable[[Any], bool] = is_object_name
    namespace: Callable[[Any], bool] = is_dns_label
    label_key: Callable[[Any], bool] = is_label_key
    label_value: Callable[[Any], bool] = is_label_value
    annotation_key: Callable[[Any], bool] = is_label_key
    annotation_value: Callable[[Any], bool] = is_text
    tag: Callable[[Any], bool] = is_tag


DEFAULT_FORMATS = FieldFormats()


class Policy(Protocol):
    """A rule of one's own over entities that passed the common checks; None is fine."""

    def __call__(self, entity: Mapping[str, Any]) -> Problem | None: ...


# ---- the validator -----------------------------------------------------------------------------------------------------


@dataclass
class EntityValidator:
    """Judges documents by the kinds, formats and policies given. One per portal; compiled schemas are kept."""

    kinds: KindRegistry
    formats: FieldFormats = DEFAULT_FORMATS
    policies: Sequence[Policy] = ()
    _compiled: dict[int, tuple[KindVersion, Any]] = field(default_factory=dict, init=False, repr=False)
    _good: dict[str, set[str]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._good = {f.name: set() for f in fields(FieldFormats)}

    def find_envelope_problem(self, value: Any) -> Problem | None:
        """Whether the document says what it is: apiVersion, kind, metadata.name. Without that it is no entity at all."""
        if isinstance(value, dict):
            metadata = value.get("metadata")
            if (
                isinstance(metadata, dict)
                and _is_filled(value.get("apiVersion"))
                and _is_filled(value.get("kind"))
                and _is_filled(metadata.get("name"))
                and ("namespace" not in metadata or _is_filled(metadata["namespace"]))
            ):
                return None
        error = _explain(self._schema(ENVELOPE_SCHEMA), value)[0]
        return Problem("envelope", error.format(), error.path, "TypeError", fix=error.fix)

    def validate(self, entity: dict[str, Any], ref: str) -> tuple[KindVersion | None, list[Problem]]:
        """The version of the kind that judged the entity, and what is wrong; the first problem is Backstage's.

        ``entity`` has a good envelope and its namespace filled in; ``ref`` is its lower-cased ref. All problems of one
        list are of one stage: ``policy`` or ``kind``.
        """
        version = self.kinds.find_version(entity)
        if version is not None and len(entity) <= 4 and _is_valid(self._version_schema(version), entity):
            problems = self._format_problems(entity, ref) or self._policy_problems(entity, ref)
            return version, problems
        return version, self._explain(entity, ref, version)

    def _explain(self, entity: dict[str, Any], ref: str, version: KindVersion | None) -> list[Problem]:
        malformed = [
            _policy(ref, f"Malformed envelope, {error.format(with_params=False)}", error.path, error.fix)
            for error in _explain(self._schema(ENTITY_SCHEMA), entity, only_if_invalid=True)
        ]
        if malformed:
            return malformed
        foreign = [
            _policy(ref, f"Unknown field {name}", (name,), f"Remove {name}.")
            for name in entity
            if name not in _ROOT_FIELDS
        ]
        if foreign:
            return foreign
        problems = self._format_problems(entity, ref) or self._policy_problems(entity, ref)
        if problems:
            return problems
        if version is None:
            return [self._unknown_kind(entity, ref)]
        processor = "ScaffolderEntitiesProcessor" if entity["kind"] == "Template" else "BuiltinKindsEntityProcessor"
        what = f"Processor {processor} threw an error while validating the entity {ref}"
        found = _explain(self._schema(version.schema), entity, only_if_invalid=True)
        if not found:  # sound wherever a schema looks, so it holds values that JSON does not have
            fix = "Use text, numbers, true, false, null, lists and mappings with text keys."
            return [_policy(ref, "The entity is not valid JSON", (), fix)]
        return [_caused("kind", what, "TypeError", error.format(), error.path, error.fix) for error in found]

    def _unknown_kind(self, entity: Mapping[str, Any], ref: str) -> Problem:
        message = f"No processor recognized the entity {ref} as valid, possibly caused by a foreign kind or apiVersion"
        kind, api_version = entity["kind"], entity["apiVersion"]
        known = self.kinds.find_definition(kind)
        if known is None:
            path: FieldPath = ("kind",)
            fix = f"Known kinds: {', '.join(self.kinds.list_kinds())}. Others need a model layer (catalog.model)."
        elif known.kind != kind:
            path, fix = ("kind",), f"Write the kind as {known.kind}."
        else:
            versions = sorted({api for version in known.versions for api in version.api_versions})
            path, fix = ("apiVersion",), f"apiVersion of {kind} is {' or '.join(versions)}, not {api_version}."
        return Problem("kind", message, path, fix=fix)

    def forget_schemas(self) -> None:
        """Let go of what was compiled: the kinds are others now."""
        self._compiled = {}

    # -- formats and policies

    def _format_problems(self, entity: Mapping[str, Any], ref: str) -> list[Problem]:
        problems: list[Problem] = []
        metadata = entity["metadata"]
        check = self._check
        check(problems, ref, "api_version", "apiVersion", ("apiVersion",), entity["apiVersion"])
        check(problems, ref, "kind", "kind", ("kind",), entity["kind"])
        if not self.formats.name(metadata["name"]):
            problems.append(_bad_format(ref, "name", "metadata.name", ("metadata", "name"), metadata["name"]))
        check(problems, ref, "namespace", "metadata.namespace", ("metadata", "namespace"), metadata["namespace"])
        labels = metadata.get("labels")
        if labels:
            for key, value in labels.items():
                path: FieldPath = ("metadata", "labels", key)
                check(problems, ref, "label_key", f"labels.{key}", path, key)
                check(problems, ref, "label_value", f"labels.{key}", path, value)
        annotations = metadata.get("annotations")
        if annotations:
            good = self._good["annotation_key"]
            plain_values = self.formats.annotation_value is is_text  # the schema has said so already
            for key, value in annotations.items():
                if key not in good:
                    check(problems, ref, "annotation_key", f"annotations.{key}", ("metadata", "annotations", key), key)
                if not plain_values and not self.formats.annotation_value(value):
                    path = ("metadata", "annotations", key)
                    problems.append(_bad_format(ref, "annotation_value", f"annotations.{key}", path, value))
        tags = metadata.get("tags")
        if tags:
            good = self._good["tag"]
            for index, tag in enumerate(tags):
                if tag not in good:
                    check(problems, ref, "tag", f"tags.{index}", ("metadata", "tags", index), tag)
        links = metadata.get("links")
        if links:
            for index, link in enumerate(links):
                if not is_url(link["url"]):
                    path = ("metadata", "links", index, "url")
                    problems.append(_bad_format(ref, "url", f"links.{index}.url", path, link["url"]))
                for name in ("title", "icon"):
                    value = link.get(name)
                    if value is not None and not value.strip():
                        path = ("metadata", "links", index, name)
                        problems.append(_bad_format(ref, "text", f"links.{index}.{name}", path, value))
        return problems

    def _check(self, problems: list[Problem], ref: str, format_: str, label: str, path: FieldPath, value: Any) -> None:
        good = self._good[format_]
        if value in good:
            return
        if getattr(self.formats, format_)(value):
            if len(good) >= 10_000:
                good.clear()  # the set is a cache, and files decide what enters it
            good.add(value)
        else:
            problems.append(_bad_format(ref, format_, label, path, value))

    def _policy_problems(self, entity: Mapping[str, Any], ref: str) -> list[Problem]:
        if not self.policies:
            return []
        found = (policy(entity) for policy in self.policies)
        return [_policy(ref, problem.message, problem.field, problem.fix) for problem in found if problem is not None]

    # -- schemas

    def _schema(self, schema: Mapping[str, Any]) -> Any:
        return self._compile(id(schema), schema, schema)

    def _version_schema(self, version: KindVersion) -> Any:
        known = self._compiled.get(id(version))
        if known is not None:
            return known[1]
        return self._compile(id(version), version, {"allOf": [ENTITY_SCHEMA, version.schema]})

    def _compile(self, key: int, owner: Any, schema: Any) -> Any:
        known = self._compiled.get(key)
        if known is None:
            import jsonschema_rs

            known = self._compiled[key] = (owner, jsonschema_rs.validator_for(schema))  # owner: keeps the id taken
        return known[1]


def _is_filled(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_valid(validator: Any, value: Any) -> bool:
    try:
        return bool(validator.is_valid(value))
    except ValueError:  # a value that JSON does not have
        return False


def _explain(validator: Any, value: Any, *, only_if_invalid: bool = False) -> list[SchemaError]:
    try:
        found = explain(validator, value)
    except ValueError as error:
        return [
            SchemaError((), "", f"must be JSON: {error}", "", "Use text, numbers, true, false, null, lists, mappings.")
        ]
    if not found and not only_if_invalid:
        return [SchemaError((), "", "is not valid", "", None)]
    return found


def _bad_format(ref: str, format_: str, label: str, path: FieldPath, value: Any) -> Problem:
    shown = value if isinstance(value, str) else str(value)
    message = f'"{label}" is not valid; expected {_EXPECTED[format_]} but found "{shown}". {_LEARN_MORE}'
    return _policy(ref, message, path, _format_fix(format_, shown))


def _format_fix(format_: str, value: str) -> str | None:
    if "${{" in value or "{{" in value:
        return "This looks like the skeleton of a template. Register the file that it makes, not the skeleton."
    if format_ == "url":
        return "Write the whole URL, with https://."
    if format_ in ("tag", "namespace", "name"):
        text = value.strip() if format_ == "name" else value.strip().lower()
        text = re.sub(r"[^A-Za-z0-9:+#]+" if format_ == "tag" else r"[^A-Za-z0-9]+", "-", text).strip("-")[:63]
        return f'For example "{text}".' if text else None
    return None


def _policy(ref: str, message: str, path: FieldPath, fix: str | None) -> Problem:
    return _caused("policy", f"Policy check failed for {ref}", "Error", message, path, fix)


def _caused(stage: Stage, what: str, name: str, message: str, path: FieldPath, fix: str | None) -> Problem:
    return Problem(stage, f"{what}; caused by {name}: {message}", path, "InputError", (name, message), fix=fix)


def fill_namespace(entity: dict[str, Any]) -> None:
    """The policy that gives every entity a namespace; changes ``entity["metadata"]`` in place."""
    metadata = entity["metadata"]
    if "namespace" not in metadata:
        metadata["namespace"] = DEFAULT_NAMESPACE
