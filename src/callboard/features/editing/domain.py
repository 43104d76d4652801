"""Texts and documents: what a text says, where a finding stands in it, what of an entity people wrote. Pure; no I/O."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Iterable, Literal, Mapping, NamedTuple, Sequence

from callboard.features.catalog.interface import DeferredEntity, Finding
from callboard.features.catalog.interface.aliases import Alias
from callboard.features.catalog.interface.held import Given
from callboard.features.editing.interface import SOURCE, TextFinding
from callboard.model.documents import Chunk, Document, Limits, iter_documents, locate
from callboard.model.fields import LOCATION_ANNOTATIONS, parse_field
from callboard.model.refs import DEFAULT_NAMESPACE, EntityRef, RefError
from callboard.ui.code import format_yaml

LOCATION = "backstage.io/managed-by-location"
ORIGIN = "backstage.io/managed-by-origin-location"
MAX_TEXT_BYTES = 512 * 1024
MAX_COMPARED = 1_500
"""Lines in which a way from one text to another is looked for, which takes the square of them where many are alike."""
_LIMITS = Limits(max_bytes=MAX_TEXT_BYTES, max_depth=60, max_nodes=50_000, max_documents=2)
_GENERATED = LOCATION_ANNOTATIONS
_GIVEN_BY_CATALOG = ("uid", "etag", "generation")
_POINTER = re.compile(r"^/[^ ]+ |^<root> | - [a-zA-Z]+: [^;]*$")
"""What Ajv puts around its words: where, and the parameters of the rule."""


@dataclass(frozen=True, slots=True)
class KeptText:
    """A text as written, and the mark that the catalog gave the entity made of it."""

    mark: str
    text: str


def clean_text(text: str) -> str:
    """Lines as they are kept: ended by a line feed, the last one, too; browsers send CRLF."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff").rstrip()
    return f"{text}\n" if text else ""


def read_text(text: str) -> tuple[Document | None, Sequence[TextFinding]]:
    """The one document of a text, or why there is none."""
    found = list(iter_documents(text, _LIMITS))
    for document in found:
        if document.problem is not None:
            p = document.problem
            return None, [TextFinding(p.message, p.line, p.column, None, p.fix)]
    if not found:
        return None, [TextFinding("Nothing is written here yet.", 1, 1, None, "Begin with apiVersion and kind.")]
    if len(found) > 1:
        second = found[1].chunk.line
        return None, [
            TextFinding("One entity at a time: this is the second document.", second, 1, None, "Save it by itself.")
        ]
    return found[0], ()


def place(findings: Iterable[Finding], chunk: Chunk) -> list[TextFinding]:
    """Findings of the catalog with their places in the text."""
    out = []
    for finding in findings:
        line, column = locate(chunk, parse_field(finding.field)) if finding.field else (chunk.line, 1)
        out.append(TextFinding(plain_message(finding.message, finding.field), line, column, finding.field, finding.fix))
    return out


def earlier_name(alias: Alias) -> Finding:
    """On a new entity that would take an earlier name of another one: pages and documents still mean that by it."""
    way = "take the two apart" if alias.reason == "merged" else "remove the earlier name"
    return Finding(
        "error", "relations", f"{alias.old} leads to {alias.new}, which had that name.", field="metadata.name",
        fix=f"Choose another name, or {way} first, under Ownership, Names.",
    )  # fmt: skip


def plain_message(message: str, field: str | None = None) -> str:
    """Without the words that name entity and field: who reads them is writing it, and sees the field."""
    message = message.rpartition("; caused by ")[2].removeprefix("Error: ").removeprefix("TypeError: ") or message
    if field:
        message = _POINTER.sub("", message)
    if message.startswith("must NOT have fewer than 1 "):
        return "Must not be empty"
    return message[:1].upper() + message[1:]


def ref_of(document: Any) -> str | None:
    try:
        return str(EntityRef.of(document))
    except (RefError, KeyError, TypeError, AttributeError):
        return None


def document_to_give(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the store gives the catalog for a document: without what only the catalog may say, and saying that it is ours.

    A location of another's in the text would have relative references read there.
    """
    out = {key: value for key, value in document.items() if key not in ("relations", "status")}
    metadata = out.get("metadata")
    if isinstance(metadata, dict):
        metadata = {key: value for key, value in metadata.items() if key not in _GIVEN_BY_CATALOG}
        annotations = metadata.get("annotations")
        if annotations is None or isinstance(annotations, dict):
            own = {key: value for key, value in (annotations or {}).items() if key not in _GENERATED}
            metadata["annotations"] = {**own, LOCATION: SOURCE, ORIGIN: SOURCE}
        out["metadata"] = metadata
    return out


def deferred(document: Mapping[str, Any]) -> DeferredEntity:
    return DeferredEntity(document_to_give(document), SOURCE)


def standing_text(given: Given, kept: KeptText | None) -> str:
    """What was written, while the entity still says it; else the entity."""
    return kept.text if kept is not None and kept.mark == given.mark else text_of(given.entity)


def written_part(entity: Mapping[str, Any]) -> dict[str, Any]:
    """Of an entity, or of what a source gave, what people would have written."""
    metadata = {key: value for key, value in entity["metadata"].items() if key not in _GIVEN_BY_CATALOG}
    annotations = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if k not in _GENERATED}
    if metadata.get("namespace") == DEFAULT_NAMESPACE:
        del metadata["namespace"]
    ordered = {"name": metadata.pop("name"), **metadata}
    if annotations:
        ordered["annotations"] = annotations
    out = {"apiVersion": entity["apiVersion"], "kind": entity["kind"], "metadata": ordered}
    return out | {k: v for k, v in entity.items() if k not in ("apiVersion", "kind", "metadata", "relations", "status")}


def text_of(entity: Mapping[str, Any]) -> str:
    """An entity that nobody wrote here, as text."""
    return str(format_yaml(written_part(entity)))


def mark_of(given_mark: str, text: str) -> str:
    """Changes with what stands, and with the comments in it."""
    return f"{given_mark}-{blake2b(text.encode(), digest_size=6).hexdigest()}"


class DiffLine(NamedTuple):
    """A line of a comparison; ``kind`` says in which of the two texts it stands, ``gap`` stands for lines left out."""

    kind: Literal["same", "theirs", "mine", "gap"]
    text: str


def compare(theirs: str, mine: str, context: int = 3) -> list[DiffLine]:
    """Two texts line by line, with ``context`` lines that are the same around what differs.

    What both begin and end with is taken off first; of what is left, more than ``MAX_COMPARED`` lines are shown as two blocks.
    """
    before, after = theirs.splitlines(), mine.splitlines()
    shorter = min(len(before), len(after))
    head = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    tail = next((n for n in range(shorter - head) if before[-1 - n] != after[-1 - n]), shorter - head)
    first, last = max(0, head - context), max(0, tail - context)
    before, after = before[first : len(before) - last], after[first : len(after) - last]
    if max(len(before), len(after)) > MAX_COMPARED:
        same, end = before[: head - first], before[len(before) - (tail - last) :]
        lines = [DiffLine("gap", "")] if first else []
        lines += [DiffLine("same", line) for line in same]
        lines += [DiffLine("theirs", line) for line in before[len(same) : len(before) - len(end)]]
        lines += [DiffLine("mine", line) for line in after[len(same) : len(after) - len(end)]]
        return [*lines, *(DiffLine("same", line) for line in end)]
    out: list[DiffLine] = []
    for group in difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(context):
        if out or first + group[0][1] > 0:
            out.append(DiffLine("gap", ""))
        for tag, a1, a2, b1, b2 in group:
            if tag == "equal":
                out += [DiffLine("same", line) for line in before[a1:a2]]
            else:
                out += [DiffLine("theirs", line) for line in before[a1:a2]]
                out += [DiffLine("mine", line) for line in after[b1:b2]]
    return out
