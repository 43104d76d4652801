"""The answers of a run as people read them: by the titles of the form, without what the form keeps to itself."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from callboard.features.scaffolder.pages.common import value_text
from callboard.features.scaffolder.updates.answers import public_answers
from callboard.model.refs import EntityRef, RefError
from callboard.ui.messages import Translator

MASK = "******"
LONGEST_ABOUT = 80
DEEPEST = 8
_NAMES = re.compile(r"name|title|.*_name|.*Name|.*_id|.*Id")
_REFS = ("component", "componentRef", "entity", "entityRef", "service", "system")
_REPOSITORIES = ("repoUrl", "repo_url", "repository")
_REPO = re.compile(r"[?&]repo=([^&]+)")
_STARS = re.compile(r"\*{3,}")


def answer_rows(spec: Mapping[str, Any], template: Mapping[str, Any] | None, t: Translator) -> list[tuple[str, str]]:
    """(title, text) of what was answered. ``template`` is its document as it stands, None where the reader does not see it; a field
    that it has no more is called by its name.
    """
    said = _mapping(spec.get("parameters"))
    schemas = _schemas(template) if template is not None else {}
    public = linked_answers(spec, template)
    rows = []
    for name, value in said.items():
        schema = schemas.get(str(name), {})
        masked = name not in public or _is_masked(schema, value)
        if value not in (None, "", [], {}):
            rows.append((str(schema.get("title") or name), MASK if masked else _text(public[name], t)))
    return rows


def linked_answers(spec: Mapping[str, Any], template: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The answers as an address may carry them: without what the form takes for a secret."""
    said = _mapping(spec.get("parameters"))
    return said if template is None else public_answers(template, said)


def about_of(spec: Mapping[str, Any]) -> str:
    """What a run is about, in a word that tells it from others of its template: a name, a repository or an entity; else nothing."""
    said = spec.get("parameters")
    if not isinstance(said, Mapping):
        return ""
    texts = {str(k): v.strip() for k, v in said.items() if isinstance(v, str) and v.strip() and not _STARS.fullmatch(v)}
    for name in ("name", *(one for one in texts if _NAMES.fullmatch(one))):
        if name in texts:
            return _short(texts[name])
    for name in _REPOSITORIES:
        found = _REPO.search(texts.get(name, ""))
        if found:
            return _short(found[1])
    for name in _REFS:
        if name in texts:
            try:
                return EntityRef.parse(texts[name], default_kind="component").name
            except RefError:
                return _short(texts[name])
    return ""


def _short(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= LONGEST_ABOUT else f"{line[:LONGEST_ABOUT]}…"


def _text(value: Any, t: Translator) -> str:
    if isinstance(value, bool):
        return t("scaffolder.form.yes") if value else t("scaffolder.form.no")
    if isinstance(value, list) and all(isinstance(one, (str, int, float)) for one in value):
        return value_text(", ".join(_text(one, t) for one in value))
    return value_text(value)


def _is_masked(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether the form masks it. What came in as stars stays stars, but does not tell how many they were."""
    if isinstance(value, str) and _STARS.fullmatch(value):
        return True
    options = _mapping(schema.get("ui:options"))
    backstage = schema.get("ui:backstage", options.get("backstage"))
    review = backstage.get("review") if isinstance(backstage, Mapping) else None
    return isinstance(review, Mapping) and (isinstance(review.get("mask"), str) or review.get("show") is False)


def _schemas(template: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Fields of all pages by name, those that depend on answers, too; not those inside of mappings."""
    spec = template.get("spec")
    said = spec.get("parameters") if isinstance(spec, Mapping) else None
    found: dict[str, Mapping[str, Any]] = {}
    level: list[Any] = said if isinstance(said, list) else [said]
    for _ in range(DEEPEST):
        level = [one for one in level if isinstance(one, Mapping)]
        for schema in level:
            for name, one in _mapping(schema.get("properties")).items():
                if isinstance(one, Mapping):
                    found.setdefault(str(name), one)
        level = [below for schema in level for below in _below(schema)]
    return found


def _below(schema: Mapping[str, Any]) -> Iterator[Any]:
    yield from (schema.get("then"), schema.get("else"))
    yield from _mapping(schema.get("dependencies")).values()
    for key in ("allOf", "anyOf", "oneOf"):
        said = schema.get(key)
        yield from said if isinstance(said, list) else ()


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}
