"""Decisions of the catalog as plain functions: what a stitched entity looks like, and how two versions differ."""

from __future__ import annotations

import hashlib
from typing import Any, Iterable, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import EntityDocument, Finding
from callboard.model.refs import EntityRef

ORPHAN_ANNOTATION = "backstage.io/orphan"
STATUS_TYPE = "backstage.io/catalog-processing"
MAX_STATUS = 100
"""Errors in the status of an entity: every list that shows it carries them along."""
MAX_MESSAGE = 2_000
MAX_TOLD = 200
"""Problems told of one entity in one file; a file of nothing but problems would be a load of them."""
MAX_DIFF = 200
"""More differences than this are told as one at the top: a diff is for people."""


def short(message: str) -> str:
    """A message of at most ``MAX_MESSAGE`` characters: of a long one its beginning and its end, where the reason stands."""
    if len(message) <= MAX_MESSAGE:
        return message
    return f"{message[: MAX_MESSAGE // 2 - 3]} … {message[-MAX_MESSAGE // 2 :]}"


def cut_findings(findings: Sequence[Finding], have: int = 0) -> list[Finding]:
    """At most ``MAX_TOLD`` of them in all, ``have`` counted in, and one more that says that there are others."""
    room = MAX_TOLD - have
    if len(findings) <= room:
        return list(findings)
    if room < 0:
        return []
    first = findings[room]
    more = Finding(
        "error", first.stage, "There are more problems here than are told.", name=first.name, file=first.file,
        fix="Mend those that are told; the next ones are told then.",
    )  # fmt: skip
    return [*findings[:room], more]


def stitch(
    document: Mapping[str, Any],
    *,
    uid: str,
    relations: Sequence[tuple[str, str]],
    findings: Sequence[Finding] = (),
    orphan: bool = False,
) -> tuple[EntityDocument, bytes]:
    """The final entity and its bytes, in Backstage's order of keys.

    ``document`` is a processed document or an earlier final entity; ``relations`` are (type, target ref), in any order.
    ``metadata.etag`` is the SHA-1 of everything else.
    """
    given = document["metadata"]
    metadata: dict[str, Any] = {"namespace": given.get("namespace") or "default"}
    annotations = dict(given.get("annotations") or {})
    annotations.pop(ORPHAN_ANNOTATION, None)
    if orphan:
        annotations[ORPHAN_ANNOTATION] = "true"
    if annotations or "annotations" in given:
        metadata["annotations"] = annotations
    for key, value in given.items():
        if key not in ("namespace", "annotations", "uid", "etag"):
            metadata[key] = value
    metadata["uid"] = uid
    rest: dict[str, Any] = {"apiVersion": document["apiVersion"], "kind": document["kind"]}
    if "spec" in document:
        rest["spec"] = document["spec"]
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        rest["status"] = {"items": [_status_item(finding) for finding in errors[:MAX_STATUS]]}
    rest["relations"] = [{"type": type, "targetRef": target} for type, target in sorted(set(relations))]
    # in two pieces, so that the etag can be put between them: nothing is written twice
    head, tail = orjson.dumps(metadata), orjson.dumps(rest)[1:]
    etag = hashlib.sha1(b'{"metadata":%b,%b' % (head, tail), usedforsecurity=False).hexdigest()
    metadata["etag"] = etag
    body = b'{"metadata":%b,"etag":"%b"},%b' % (head[:-1], etag.encode(), tail)
    return {"metadata": metadata, **rest}, body


def document_of(entity: Mapping[str, Any]) -> EntityDocument:
    """A stitched entity as the document that it was made from: processed once more it gives the same entity."""
    metadata = {key: value for key, value in entity["metadata"].items() if key not in ("uid", "etag")}
    if ORPHAN_ANNOTATION in (metadata.get("annotations") or {}):
        metadata["annotations"] = {k: v for k, v in metadata["annotations"].items() if k != ORPHAN_ANNOTATION}
    document: EntityDocument = {"apiVersion": entity["apiVersion"], "kind": entity["kind"], "metadata": metadata}
    if "spec" in entity:
        document["spec"] = entity["spec"]
    return document


def _status_item(finding: Finding) -> dict[str, Any]:
    error: dict[str, Any] = {"name": finding.name, "message": finding.message, "stage": finding.stage}
    for key in ("file", "line", "column", "field", "fix"):
        value = getattr(finding, key)
        if value is not None:
            error[key] = value
    return {"type": STATUS_TYPE, "level": "error", "message": f"{finding.name}: {finding.message}", "error": error}


def diff(old: Any, new: Any) -> list[dict[str, Any]]:
    """What changed from ``old`` to ``new``, as {"op": add|remove|replace, "path", "from"?, "to"?} with JSON pointers.

    Lists of plain values are compared as a whole; ``metadata.uid`` and ``metadata.etag`` never count.
    """
    changes: list[dict[str, Any]] = []
    _diff("", old, new, changes)
    if len(changes) > MAX_DIFF:
        return [{"op": "replace", "path": "", "note": f"{len(changes)} differences"}]
    return changes


def _diff(path: str, old: Any, new: Any, out: list[dict[str, Any]]) -> None:
    if old == new or path in ("/metadata/uid", "/metadata/etag"):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old:
            pointer = f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"
            if key not in new:
                out.append({"op": "remove", "path": pointer, "from": old[key]})
            else:
                _diff(pointer, old[key], new[key], out)
        for key in new:
            if key not in old:
                pointer = f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"
                out.append({"op": "add", "path": pointer, "to": new[key]})
    elif path == "/relations":
        before = {(r["type"], r["targetRef"]) for r in old}
        after = {(r["type"], r["targetRef"]) for r in new}
        out.extend(
            {"op": "remove", "path": path, "from": {"type": t, "targetRef": r}} for t, r in sorted(before - after)
        )
        out.extend({"op": "add", "path": path, "to": {"type": t, "targetRef": r}} for t, r in sorted(after - before))
    else:
        out.append({"op": "replace", "path": path, "from": old, "to": new})


def owner_of(document: Any) -> str | None:
    """The owner a document names, as a lower-cased ref: also of one that is not valid otherwise; None if unreadable."""
    if not isinstance(document, Mapping):
        return None
    spec, metadata = document.get("spec"), document.get("metadata")
    owner = spec.get("owner") if isinstance(spec, Mapping) else None
    if not isinstance(owner, str) or not owner:
        return None
    namespace = metadata.get("namespace") if isinstance(metadata, Mapping) else None
    try:
        return str(
            EntityRef.parse(
                owner, default_kind="Group", default_namespace=namespace if isinstance(namespace, str) else None
            )
        )
    except ValueError:
        return None


def location_of(entity: Mapping[str, Any], annotation: str = "managed-by-location") -> str:
    annotations = entity["metadata"].get("annotations")
    return str((isinstance(annotations, Mapping) and annotations.get(f"backstage.io/{annotation}")) or "")


def batches(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
