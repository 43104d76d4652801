"""The pages of kinds: all that are valid here, one with its fields, and the form that declares one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.features.catalog.interface.modelling import KnownKind, ModelEffect, ModelVersion
from callboard.features.catalog.kind_fields import TYPES, DeclaredField, DeclaredKind, fields_of_version
from callboard.features.catalog.pages.findings import shorten
from callboard.features.catalog.pages.links import kind_rank, link_to
from callboard.features.catalog.pages.registering import person
from callboard.ui.icons import ICONS, kind_mark
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Banner, Crumb, EntityLink

KINDS = "/catalog/kinds"
NEW = f"{KINDS}/new"
EXPORT = f"{KINDS}/export.yaml"
SPARE_ROWS = 2
"""Empty rows below the fields that are there."""


@dataclass(frozen=True, slots=True)
class KindRow:
    """A kind in the list. ``list_href`` shows its entities."""

    kind: str
    href: str
    list_href: str
    icon: str
    hue: int
    plural: str
    description: str
    api_versions: str
    origins: Sequence[str]
    fields: int
    entities: int
    is_extended: bool


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of what is declared here; ``is_current`` has no button."""

    number: int
    at: Moment | None
    by: str
    note: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class KindsPage:
    """``catalog/kinds.html``. ``versions`` is None for those who may not declare kinds. ``asks``: a version to put back although it refuses."""

    title: str
    crumbs: Sequence[Crumb]
    rows: Sequence[KindRow]
    versions: Sequence[VersionRow] | None
    base: int
    banners: Sequence[Banner]
    effect: EffectView | None
    asks: int | None


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field as told: ``refs`` are the kinds that it names, ``relation`` both names of the relation."""

    name: str
    title: str
    type: str
    is_required: bool
    help: str
    choices: str
    refs: str
    relation: str


@dataclass(frozen=True, slots=True)
class FieldForm:
    """A row of the form; ``n`` numbers its inputs (``f3.name``). ``error`` is what is wrong with it."""

    n: int
    name: str
    type: str
    title: str
    help: str
    is_required: bool
    choices: str
    kinds: str
    relation: str
    reverse: str
    error: str | None
    is_fixed: bool
    """Of a form that only YAML can show: it can be dropped, and not changed."""


@dataclass(frozen=True, slots=True)
class EffectView:
    """What saving would do. ``changes`` are (sign, words)."""

    changes: Sequence[tuple[str, str]]
    judged: int
    refused_count: int
    refused: Sequence[tuple[EntityLink, str, str | None]]


@dataclass(frozen=True, slots=True)
class KindPage:
    """``catalog/kind.html``: what a kind is, and for those who may the form.

    ``standing`` are the fields that are not declared in the form. ``form`` is None for those who only look.
    """

    title: str
    crumbs: Sequence[Crumb]
    action: str
    is_new: bool
    is_own: bool
    row: KindRow | None
    standing: Sequence[FieldRow]
    form: Sequence[FieldForm] | None
    declared: DeclaredKind
    base: int
    types: Sequence[tuple[str, str]]
    icons: Sequence[str]
    kinds: Sequence[str]
    errors: Mapping[str, str]
    banners: Sequence[Banner]
    effect: EffectView | None
    may_remove: bool


def kind_href(kind: str) -> str:
    return f"{KINDS}/{quote(kind.lower(), safe='')}"


def kind_row(known: KnownKind, t: Translator) -> KindRow:
    definition = known.definition
    mark = kind_mark(definition.kind)
    apis = list(dict.fromkeys(api for version in definition.versions for api in version.api_versions))
    return KindRow(
        definition.kind, kind_href(definition.kind), f"/catalog?kind={quote(definition.kind.lower())}", mark.icon, mark.hue,
        definition.plural, definition.description, ", ".join(apis), [t(f"catalog.kinds.origin.{o}") for o in known.origins],
        len(fields_of_version(definition.versions[0])), known.entities, known.is_extended,
    )  # fmt: skip


def kinds_page(
    known: Sequence[KnownKind], versions: Sequence[ModelVersion] | None, t: Translator, *, now: datetime,
    banners: Sequence[Banner] = (), effect: EffectView | None = None, asks: int | None = None,
) -> KindsPage:  # fmt: skip
    ordered = sorted(known, key=lambda one: (kind_rank(one.definition.kind), one.definition.kind.lower()))
    base = versions[0].number if versions else 0
    return KindsPage(
        t("catalog.kinds"), (Crumb(t("catalog.title"), "/catalog"), Crumb(t("catalog.kinds"))),
        [kind_row(one, t) for one in ordered],
        None if versions is None else [
            VersionRow(v.number, moment(v.at, now) if v.at else None, person(v.by), v.note, v.number == base) for v in versions
        ],
        base, banners, effect, asks,
    )  # fmt: skip


def kind_page(
    declared: DeclaredKind, t: Translator, *, known: KnownKind | None, base: int, may_manage: bool, is_own: bool,
    kinds: Sequence[str], spare: int = SPARE_ROWS, errors: Mapping[str, str] | None = None, banners: Sequence[Banner] = (),
    effect: EffectView | None = None,
) -> KindPage:  # fmt: skip
    errors = errors or {}
    title = declared.kind if known is not None else t("catalog.kinds.new")
    row = kind_row(known, t) if known is not None else None
    mine = {one.name for one in declared.fields}
    standing = fields_of_version(known.definition.versions[0]) if known is not None else ()
    form = None
    if may_manage:
        fields = [*declared.fields, *([DeclaredField("")] * spare)]
        form = [_field_form(n, one, errors.get(f"fields.{n}")) for n, one in enumerate(fields)]
    return KindPage(
        title, (Crumb(t("catalog.title"), "/catalog"), Crumb(t("catalog.kinds"), KINDS), Crumb(title)),
        kind_href(declared.kind) if known is not None else NEW, known is None, is_own, row,
        [_field_row(one, t) for one in standing if not may_manage or one.name not in mine], form, declared, base,
        [(one, t(f"catalog.kinds.type.{one}")) for one in TYPES], sorted(ICONS), kinds, errors, banners, effect,
        may_manage and known is not None and (is_own or bool(declared.fields)),
    )  # fmt: skip


def _field_row(one: DeclaredField, t: Translator) -> FieldRow:
    relation = " / ".join(name for name in (one.relation, one.reverse) if name)
    return FieldRow(
        one.name, one.title, t(f"catalog.kinds.type.{one.type}"), one.is_required, one.help, ", ".join(one.choices),
        ", ".join(one.kinds), relation,
    )  # fmt: skip


def _field_form(n: int, one: DeclaredField, error: str | None) -> FieldForm:
    return FieldForm(
        n, one.name, one.type, one.title, one.help, one.is_required, "\n".join(one.choices), ", ".join(one.kinds), one.relation,
        one.reverse, error, one.type == "other",
    )  # fmt: skip


def effect_view(effect: ModelEffect, known: Mapping[str, Any], t: Translator) -> EffectView:
    signs = {"added": "+", "removed": "−", "changed": "~"}
    return EffectView(
        [
            (signs[how], t(f"catalog.kinds.change.{how}", what=f"{kind}.{field}" if field else kind))
            for kind, field, how in effect.changes
        ],
        effect.judged, effect.refused_count,
        [(link_to(r.ref, known.get(r.ref), known=r.ref in known), shorten(r.message, t), r.field) for r in effect.refused],
    )  # fmt: skip
