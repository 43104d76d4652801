"""All answers once more, in words, before anything is made. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from callboard.features.scaffolder.forms.drawing import file_name
from callboard.features.scaffolder.forms.model import Field, FormPage
from callboard.features.scaffolder.forms.paths import MISSING
from callboard.features.scaffolder.forms.schemas import option, same
from callboard.features.scaffolder.forms.variants import text_of
from callboard.features.scaffolder.forms.writing import format_data
from callboard.ui.messages import Translator

MASK = "******"


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """An answer. ``lines`` are one or several; ``is_code`` for what has no words of its own. ``level`` counts the mappings around it."""

    title: str
    lines: Sequence[str]
    level: int = 0
    is_code: bool = False
    is_head: bool = False


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """A page of the form with its answers; ``index`` is where to change them."""

    title: str
    index: int
    rows: Sequence[ReviewRow]


def review_page(page: FormPage, index: int, t: Translator) -> ReviewPage:
    rows: list[ReviewRow] = []
    for field in page.fields:
        rows += _rows(field, t, 0)
    return ReviewPage(page.title, index, rows)


def _settings(field: Field) -> Mapping[str, Any]:
    said = option(field.schema, "backstage")
    review = said.get("review") if isinstance(said, Mapping) else None
    return review if isinstance(review, Mapping) else {}


def _rows(field: Field, t: Translator, level: int) -> list[ReviewRow]:
    said = _settings(field)
    if said.get("show") is False or field.kind == "hidden":
        return []
    title = str(said.get("name") or field.title)
    if isinstance(said.get("mask"), str):
        return [ReviewRow(title, [said["mask"]], level)] if _is_said(field.value) else []
    if field.kind in ("secret", "password"):
        return [ReviewRow(title, [MASK], level)] if _is_said(field.value) else []
    if field.kind == "object" and said.get("explode") is not False:
        inside = [row for below in field.fields for row in _rows(below, t, level + 1)]
        return [ReviewRow(title, (), level, is_head=True), *inside] if inside else []
    if field.kind == "list" and any(one.kind in ("object", "list") for one in field.fields):
        inside = []
        for n, one in enumerate(field.fields):
            within = [row for below in (one.fields or [one]) for row in _rows(below, t, level + 2)]
            if within:
                inside += [
                    ReviewRow(one.title or t("scaffolder.form.item", n=n + 1), (), level + 1, is_head=True),
                    *within,
                ]
        return [ReviewRow(title, (), level, is_head=True), *inside] if inside else []
    if not _is_said(field.value):
        return []
    lines, is_code = _words(field, field.value, t)
    return [ReviewRow(title, lines, level, is_code)] if lines else []


def _is_said(value: Any) -> bool:
    return value is not MISSING and value not in (None, "", [], {})


def _words(field: Field, value: Any, t: Translator) -> tuple[Sequence[str], bool]:
    if field.kind == "file":
        return [file_name(str(one)) for one in (value if isinstance(value, list) else [value])], False
    if field.choices:
        known = value if isinstance(value, list) else [value]
        return [
            next((_title(c.title, c.value, t) for c in field.choices if same(c.value, one)), text_of(one))
            for one in known
        ], False
    if isinstance(value, bool):
        return [t("scaffolder.form.yes") if value else t("scaffolder.form.no")], False
    if isinstance(value, list) and all(not isinstance(one, (list, Mapping)) for one in value):
        return [text_of(one) for one in value if one is not None], False
    if isinstance(value, (list, Mapping)):
        return [format_data(value).rstrip("\n")], True
    return [text_of(value)], "\n" in text_of(value)


def _title(title: str, value: Any, t: Translator) -> str:
    if isinstance(value, bool) and title in ("", "true", "false"):
        return t("scaffolder.form.yes") if value else t("scaffolder.form.no")
    return title
