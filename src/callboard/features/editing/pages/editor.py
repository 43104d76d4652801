"""The page on which an entity is written: as a form or as YAML, with what keeps it out, and both versions after a conflict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Mapping, Sequence
from urllib.parse import quote

from callboard.features.editing.domain import DiffLine, compare
from callboard.features.editing.forms import ABOUT, IDENTITY, MORE, Field, spec_fields, value_of
from callboard.features.editing.interface import Editable, Giver, TextFinding
from callboard.model.kinds import KindRegistry, KindVersion
from callboard.model.refs import EntityRef, LocationRef, RefError
from callboard.ui.icons import kind_mark
from callboard.ui.messages import Translator
from callboard.ui.parts import Banner, Crumb, LinkItem

Mode = Literal["form", "yaml"]
CREATE = "/create-entity"
VALUED = (("spec", "type"), ("spec", "lifecycle"))
"""Fields of free text in which all of a kind say one of a few words."""
LIST_ROWS, DEFINITION_ROWS = 8, 14


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field as drawn. ``value`` None: more than a form can hold. ``options`` names the list of suggestions (``refs-group``).

    ``kinds`` are those of the entities that it names, empty for any; None where it names none.
    """

    id: str
    label: str
    widget: str
    value: str | None
    is_required: bool
    help: str
    choices: Sequence[str]
    options: str | None
    error: str | None
    rows: int = 4
    kinds: Sequence[str] | None = None

    @property
    def described_by(self) -> str:
        """Ids of what is said about the field."""
        return " ".join([f"{self.id}-error"] * bool(self.error) + [f"{self.id}-help"] * bool(self.help))


@dataclass(frozen=True, slots=True)
class EditorPage:
    """``editing/editor.html``. ``action`` takes the form; ``mark`` is the base of the change, empty for a new entity.

    ``groups`` are (heading or None, fields); ``options`` are lists of suggestions by name: (ref, title). ``other`` are fields of the
    document that the form does not show. ``checked`` says that the text was judged. ``diff`` compares what stands with ``text``.
    """

    title: str
    crumbs: Sequence[Crumb]
    mode: Mode
    action: str
    cancel_href: str
    kind: str
    icon: str
    hue: int
    ref: str
    text: str
    mark: str
    base: str
    findings: Sequence[TextFinding]
    checked: bool
    groups: Sequence[tuple[str | None, Sequence[FieldView]]]
    options: Mapping[str, Sequence[tuple[str, str]]]
    other: Sequence[str]
    is_new: bool
    banners: Sequence[Banner]
    delete_action: str | None
    removal_href: str | None
    diff: Sequence[DiffLine]
    has_form: bool


@dataclass(frozen=True, slots=True)
class KindTile:
    """A kind to choose: its word, what it is for, and where its form is."""

    title: str
    description: str
    href: str
    icon: str
    hue: int


@dataclass(frozen=True, slots=True)
class ChoosePage:
    """``editing/choose.html``."""

    title: str
    crumbs: Sequence[Crumb]
    kinds: Sequence[KindTile]
    yaml_href: str


def entity_href(ref: str, tab: str = "") -> str:
    parsed = EntityRef.parse(ref)
    path = "/".join(quote(part.lower(), safe="") for part in (parsed.namespace, parsed.kind, parsed.name))
    return f"/catalog/{path}" + (f"/{tab}" if tab else "")


def choose_page(kinds: KindRegistry, t: Translator) -> ChoosePage:
    tiles: dict[str, KindTile] = {}
    for definition in kinds.definitions:
        mark = kind_mark(definition.kind)
        href = f"{CREATE}?kind={quote(definition.kind.lower())}"
        tiles.setdefault(definition.kind, KindTile(definition.kind, definition.description, href, mark.icon, mark.hue))
    return ChoosePage(t("editing.choose"), (Crumb(t("editing.choose")),), tuple(tiles.values()), f"{CREATE}?as=yaml")


def wanted_options(version: KindVersion | None) -> list[tuple[str, tuple[str, ...]]]:
    """Lists of suggestions that the form needs: (name, kinds)."""
    found = {}
    for field in spec_fields(version) if version is not None else ():
        if field.kinds is not None:
            found[options_name(field.kinds)] = tuple(field.kinds)
    return list(found.items())


def options_name(kinds: Sequence[str]) -> str:
    return "refs-" + ("-".join(kinds) if kinds else "any")


def values_name(field: Field) -> str | None:
    """The list of what others of the kind say in the field."""
    return f"values-{field.name}" if field.path in VALUED and field.widget == "text" else None


def editor_page(
    text: str,
    document: Mapping[str, Any],
    t: Translator,
    *,
    mode: Mode,
    version: KindVersion | None,
    standing: Editable | None,
    mark: str,
    base: str = "",
    findings: Sequence[TextFinding] = (),
    checked: bool = False,
    options: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    banners: Sequence[Banner] = (),
    diff_with: str | None = None,
) -> EditorPage:
    """``standing`` None: a new entity. ``base`` is the text that the form began with, which keeps what the form does not show."""
    kind = str(document.get("kind") or "")
    look = kind_mark(kind or "kind")
    metadata = document.get("metadata")
    name = metadata.get("title") or metadata.get("name") if isinstance(metadata, Mapping) else ""
    has_form = version is not None
    if standing is None:
        title = t("editing.create_kind", kind=kind) if kind else t("editing.create")
        crumbs = [Crumb(t("editing.choose"), CREATE), Crumb(kind or t("editing.yaml"))]
        action, cancel, delete, removal = CREATE, CREATE, None, None
    else:
        title = t("editing.edit_named", name=str(name or EntityRef.parse(standing.ref).name))
        crumbs = [
            Crumb(t("catalog.title"), "/catalog"), Crumb(str(name or standing.ref), entity_href(standing.ref)), Crumb(t("editing.edit"))
        ]  # fmt: skip
        action, cancel = entity_href(standing.ref, "edit"), entity_href(standing.ref)
        way = entity_href(standing.ref, "delete") if standing.may_delete else None
        delete, removal = (way, None) if standing.giver.is_own else (None, way)
    shown = _fields(version, is_new=standing is None) if version is not None else []
    errors = {found.field: found.message for found in reversed(findings) if found.field}
    return EditorPage(
        title=title, crumbs=crumbs, mode=mode if has_form else "yaml", action=action, cancel_href=cancel, kind=kind,
        icon=look.icon, hue=look.hue, ref=standing.ref if standing else "", text=text, mark=mark, base=base, findings=findings,
        checked=checked, groups=[(head and t(head), [_view(f, document, errors, t) for f in fields]) for head, fields in shown],
        options=options or {}, other=_other(document, shown), is_new=standing is None,
        banners=banners, delete_action=delete, removal_href=removal, diff=compare(diff_with, text) if diff_with is not None else (), has_form=has_form,
    )  # fmt: skip


def all_fields(version: KindVersion, *, is_new: bool) -> list[Field]:
    return [field for _, fields in _fields(version, is_new=is_new) for field in fields]


def _fields(version: KindVersion, *, is_new: bool) -> list[tuple[str | None, list[Field]]]:
    spec = spec_fields(version)
    needed, further = [f for f in spec if f.is_required], [f for f in spec if not f.is_required]
    groups = [(None, [*(IDENTITY if is_new else ()), *ABOUT]), ("editing.group.needed", needed)]
    return [(h, fields) for h, fields in [*groups, ("editing.group.more", [*further, *MORE])] if fields]


def _view(field: Field, document: Mapping[str, Any], errors: Mapping[str, str], t: Translator) -> FieldView:
    value = value_of(document, field)
    label_id, help_id = f"editing.field.{field.name.lower()}", f"editing.help.{field.name.lower()}"
    label = t(label_id) if t.has(label_id) else _words(field.name)
    help = field.help or (t(help_id) if t.has(help_id) else "")
    if not help and field.widget == "list":
        help = t("editing.one_a_line")
    lines = (value or "").count("\n") + 2 if value else 2
    rows = (
        min(lines, LIST_ROWS)
        if field.widget in ("list", "links")
        else DEFINITION_ROWS
        if field.name == "definition"
        else 3
    )
    return FieldView(
        field.id, label, field.widget, value, field.is_required, help, field.choices,
        options_name(field.kinds) if field.kinds is not None else values_name(field),
        next((text for key, text in errors.items() if key == field.id or key.startswith(f"{field.id}[")), None), rows, field.kinds,
    )  # fmt: skip


def _words(name: str) -> str:
    """``subcomponentOf`` as a label."""
    spaced = "".join(f" {c.lower()}" if c.isupper() else c for c in name)
    return spaced[:1].upper() + spaced[1:]


def _other(document: Mapping[str, Any], shown: Sequence[tuple[str | None, Sequence[Field]]]) -> list[str]:
    """Fields that the document has and the form has not."""
    ids = {field.id for _, fields in shown for field in fields} | {field.id for field in IDENTITY}
    out = []
    for part in ("metadata", "spec"):
        inner = document.get(part)
        if isinstance(inner, Mapping):
            out += [f"{part}.{key}" for key in inner if f"{part}.{key}" not in ids]
    return [*out, *(key for key in document if key not in ("apiVersion", "kind", "metadata", "spec"))][:12]


def source_banners(found: Editable, t: Translator) -> list[Banner]:
    """Of an entity of another source: where it comes from, and what the portal says instead."""
    if found.giver.is_own:
        return []
    ways = [LinkItem(t("editing.elsewhere.edit"), href, "external")] if (href := outside(found.giver.edit_url)) else []
    if not found.laid:
        return [Banner("info", t("editing.source", place=source_of(found.giver)), [t("editing.source_means")], ways)]
    ways.insert(0, LinkItem(t("editing.laid.see"), entity_href(found.ref, "overlay"), "source"))
    fields = ", ".join(one.path for one in found.laid)
    moved = [t("editing.source_moved", field=one.path) for one in found.laid if one.is_moved]
    problem = [t("editing.laid.invalid")] if found.problem else []
    title = t("editing.source_laid", place=source_of(found.giver), fields=fields)
    return [Banner("warn" if moved or problem else "info", title, [*problem, *moved, t("editing.source_means")], ways)]


def is_giver_ref(name: str) -> bool:
    return name.startswith("location:") and "/" in name


def _bare(location: str) -> str:
    try:
        parsed = LocationRef.parse(location)
    except RefError:
        return location
    return parsed.target if parsed.type in ("url", "file") else location


def outside(address: str) -> str | None:
    return address if address.startswith(("https://", "http://")) else None


def source_of(giver: Giver) -> str:
    return _bare(giver.location) or ", ".join(giver.names)
