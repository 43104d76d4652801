"""What became of a draft that was tried: the files of a dry run against the skeleton, the answer of an expression."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any, Literal, Mapping, Sequence

import orjson
from markupsafe import Markup

from callboard.features.scaffolder.interface import DryRunResult
from callboard.features.scaffolder.language import UNDEFINED, Language, Options, TemplateFault, to_json
from callboard.features.scaffolder.pages.common import ansi_html
from callboard.features.scaffolder.pages.drafts import Draft
from callboard.features.scaffolder.pages.run import Outcome, outcome_of
from callboard.kernel.read_file import TreeFile
from callboard.ui.code import Code, show_code

LONGEST_FILE = 20_000
MOST_FILES = 100
LONGEST_LOG = 2_000
AROUND = 3


@dataclass(frozen=True, slots=True)
class DiffLine:
    """``kind``: same, old (of the skeleton alone), new (of the result alone), gap."""

    kind: Literal["same", "old", "new", "gap"]
    text: str


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file of the result. ``source`` is the file of the draft that it was made of, as far as its path tells."""

    path: str
    note: Literal["new", "changed", "copied", "link", "binary"]
    size: int
    source: str
    diff: Sequence[DiffLine]
    code: Code | None


@dataclass(frozen=True, slots=True)
class TrialLine:
    """A line of the log. ``step`` names the step where another one begins."""

    step: str
    html: Markup
    status: str


@dataclass(frozen=True, slots=True)
class Trial:
    """A dry run. ``unlisted`` files were too many to show."""

    lines: Sequence[TrialLine]
    files: Sequence[MadeFile]
    unlisted: int
    outcome: Outcome
    error: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What an expression gave. ``excerpt`` and ``pointer`` show where a fault is."""

    kind: Literal["value", "undefined", "error"]
    text: str
    type: str = ""
    line: int = 0
    column: int = 0
    excerpt: str = ""
    pointer: str = ""


def trial_of(result: DryRunResult, draft: Draft) -> Trial:
    names = {step["id"]: step["name"] for step in result.steps}
    lines: list[TrialLine] = []
    told = ""
    for body in result.log[:LONGEST_LOG]:
        name = names.get(str(body.get("stepId") or ""), "")
        html = ansi_html(str(body.get("message", "")))
        lines.append(TrialLine(name if name != told else "", html, str(body.get("status") or "")))
        told = name
    sources = {one.path: one.content for one in draft.files[1:]}
    files = [_made(one, sources) for one in result.files[:MOST_FILES]]
    error = str((result.error or {}).get("message") or "") if result.error else ""
    return Trial(lines, files, max(len(result.files) - MOST_FILES, 0), outcome_of(result.output, {}), error)


def _made(file: TreeFile, sources: Mapping[str, bytes]) -> MadeFile:
    size = len(file.content)
    if file.link is not None:
        return MadeFile(file.path, "link", 0, "", (), show_code(file.link, "text"))
    source = _source_of(file.path, sources)
    text = _text(file.content)
    if text is None:
        return MadeFile(file.path, "binary", size, source, (), None)
    if source and sources[source] == file.content:
        return MadeFile(file.path, "copied", size, source, (), None)
    before = _text(sources[source]) if source else None
    if before is not None and size <= LONGEST_FILE and len(before) <= LONGEST_FILE:
        return MadeFile(file.path, "changed", size, source, diff_lines(before, text), None)
    language = "yaml" if file.path.endswith((".yaml", ".yml")) else "json" if file.path.endswith(".json") else "text"
    return MadeFile(file.path, "new", size, "", (), show_code(text, language, max_bytes=LONGEST_FILE))


def _source_of(path: str, sources: Mapping[str, bytes]) -> str:
    """The file of the draft whose path ends so, the shortest; also one with an ending of templates (``.njk``)."""
    found = [
        one for one in sources
        if (bare := one.removesuffix(".njk")) == path or bare.endswith(f"/{path}")
    ]  # fmt: skip
    return min(found, key=len, default="")


def _text(content: bytes) -> str | None:
    try:
        return content.decode() if b"\0" not in content else None
    except UnicodeDecodeError:
        return None


def diff_lines(old: str, new: str) -> list[DiffLine]:
    before, after = old.splitlines(), new.splitlines()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    out: list[DiffLine] = []
    for group in matcher.get_grouped_opcodes(AROUND):
        if out or group[0][1] > 0:
            out.append(DiffLine("gap", ""))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                out += [DiffLine("same", text) for text in before[i1:i2]]
                continue
            out += [DiffLine("old", text) for text in before[i1:i2]]
            out += [DiffLine("new", text) for text in after[j1:j2]]
    return out


def answer_of(language: Language, draft: Draft, context: Mapping[str, Any]) -> Answer:
    """The expression of a draft: as the value of a step, or as the text of a file."""
    options = Options(strict=draft.is_strict)
    try:
        if draft.mode == "text":
            return Answer("value", language.render_text(draft.expression, context, options), "text")
        value = language.render_value(draft.expression, context, options)
    except TemplateFault as fault:
        excerpt = fault.excerpt
        shift = max(0, fault.column - 1 - 60)
        pointer = " " * min(max(fault.column - 1 - shift, 0), len(excerpt)) + "^"
        return Answer("error", fault.message, "", fault.line, fault.column, excerpt, pointer)
    if value is UNDEFINED:
        return Answer("undefined", "")
    return Answer("value", value if isinstance(value, str) else _shown(value), _type(value))


def _shown(value: Any) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return str(to_json(value))


def _type(value: Any) -> str:
    """The name that JavaScript people know it by."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, (list, tuple)) else "object"


def sample_values(pages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Answers to begin with: defaults, else the first choice or example, else something short for what must be answered."""
    out: dict[str, Any] = {}
    for page in pages:
        schema = page.get("schema", page)
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        required = schema.get("required") if isinstance(schema, Mapping) else None
        for name, one in properties.items() if isinstance(properties, Mapping) else ():
            if not isinstance(one, Mapping):
                continue
            if "default" in one:
                out[str(name)] = one["default"]
            elif isinstance(required, list) and name in required:
                out[str(name)] = _sample(str(name), one)
    return out


_FIELDS: Mapping[str, Any] = {
    "RepoUrlPicker": "github.com?owner=example&repo=example", "OwnerPicker": "group:default/example",
    "EntityPicker": "component:default/example", "OwnedEntityPicker": "component:default/example",
    "MyGroupsPicker": "group:default/example",
}  # fmt: skip


def _sample(name: str, schema: Mapping[str, Any]) -> Any:
    for key in ("enum", "examples"):
        given = schema.get(key)
        if isinstance(given, list) and given:
            return given[0]
    field = schema.get("ui:field")
    if isinstance(field, str) and field in _FIELDS:
        return _FIELDS[field]
    kind = schema.get("type")
    if kind == "array":
        return []
    if kind == "object":
        return sample_values([schema])
    return {"boolean": False, "number": 1, "integer": 1}.get(str(kind), f"example-{name}".lower())
