"""What explore pages and cards show: values for templates, no queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Collection, Final, Mapping, Sequence
from urllib.parse import urlencode

from markupsafe import Markup

from callboard.features.catalog.explore.organisation import Branch, Group
from callboard.features.catalog.explore.systems import Surroundings
from callboard.features.catalog.graph.drawing import Frame, NodeView, draw_page, legend_line, styles_of
from callboard.features.catalog.graph.labels import clean
from callboard.features.catalog.graph.layout import lay_out
from callboard.features.catalog.pages.links import kind_rank, kind_title, link_to, spec_of, text
from callboard.features.catalog.pages.listing import Row
from callboard.ui.icons import kind_mark
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment
from callboard.ui.parts import Crumb, EntityLink, LinkItem, Pager, Tab

MAX_OWNERS_IN_ADDRESS: Final = 25
MAX_FIELDS: Final = 60


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A group of a tree as shown. ``is_here``: the group whose page this is."""

    link: EntityLink
    type: str | None
    members: int
    owned: int
    children: Sequence[TreeRow]
    hidden: int
    more_href: str
    is_match: bool
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class OwnedRow:
    """Entities of a kind that a group owns: itself, and by way of the groups below it."""

    title: str
    icon: str
    hue: int
    direct: int
    direct_href: str
    below: int
    below_href: str | None


@dataclass(frozen=True, slots=True)
class Through:
    """A group or the person by whom somebody owns things; ``via`` is the way that leads there, nearest first."""

    link: EntityLink
    via: Sequence[EntityLink]
    count: int
    href: str


@dataclass(frozen=True, slots=True)
class Person:
    link: EntityLink
    groups: Sequence[EntityLink]
    email: str | None


@dataclass(frozen=True, slots=True)
class SystemRow:
    """A system with how many parts of each kind it has, what it needs and how many need it."""

    link: EntityLink
    owners: Sequence[EntityLink]
    parts: Sequence[tuple[str, str, int, int]]
    """(title, icon, hue, count)"""
    needs: Sequence[tuple[EntityLink, int]]
    more_needs: int
    needed_by: int
    graph_href: str


@dataclass(frozen=True, slots=True)
class Card:
    """``catalog/explore_card.html``: ``sort`` names the macro that draws it, the rest is what that one takes."""

    sort: str
    tree: Sequence[TreeRow] = ()
    owned: Sequence[OwnedRow] = ()
    people: Sequence[Person] = ()
    count: int = 0
    more_href: str | None = None
    through: Sequence[Through] = ()
    changes: Sequence[tuple[EntityLink, str, Moment]] = ()
    figures: Sequence[tuple[str, int, str | None]] = ()
    """(message id below ``explore.health``, number, status)"""
    dangling: Sequence[tuple[EntityLink, str, EntityLink]] = ()
    """The first relations to what is not there: (who, how it is called, whom)"""
    reach: Sequence[LinkItem] = ()
    rows: Sequence[Row] = ()
    drawing: Markup | None = None
    legend: Sequence[tuple[Markup, str]] = ()
    """(sample of an edge, what it means)"""
    omitted: int = 0
    askers: Sequence[tuple[EntityLink, int]] = ()
    systems: Sequence[SystemRow] = ()
    steps: Sequence[tuple[str, str]] = ()
    forms: Sequence[tuple[str, Sequence[FieldRow]]] = ()
    fields: Sequence[FieldRow] = ()


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field by its label. ``values`` are its texts (several: a list); ``inner`` the fields of a mapping."""

    label: str
    name: str = ""
    help: str = ""
    type: str = ""
    is_required: bool = False
    values: Sequence[str] = ()
    href: str | None = None
    inner: Sequence[FieldRow] = ()


@dataclass(frozen=True, slots=True)
class MembersPage:
    """The tab of a group: its people, and those of the groups below."""

    people: Sequence[Person]
    count: int
    pager: Pager | None
    choices: Sequence[Tab]


@dataclass(frozen=True, slots=True)
class GroupsPage:
    """``catalog/explore_groups.html``."""

    title: str
    crumbs: Sequence[Crumb]
    count: int
    q: str
    tree: Sequence[TreeRow]
    matches: int | None = None
    people: int = 0
    under: EntityLink | None = None


@dataclass(frozen=True, slots=True)
class SystemsPage:
    """``catalog/explore_systems.html``. ``domains`` are (link or None for those without, systems)."""

    title: str
    crumbs: Sequence[Crumb]
    count: int
    q: str
    domains: Sequence[tuple[EntityLink | None, Sequence[SystemRow]]]
    pager: Pager | None = None
    views: Sequence[Tab] = ()
    map: Card | None = None
    """What the systems need of each other, drawn, where the address asks for it."""


@dataclass(frozen=True, slots=True)
class ApiRow:
    link: EntityLink
    description: str | None
    type: str | None
    lifecycle: str | None
    owners: Sequence[EntityLink]
    health: str
    provided: int
    consumed: int
    definition_href: str | None


@dataclass(frozen=True, slots=True)
class OperationHit:
    """An operation that was looked for, in the API that has it."""

    api: EntityLink
    badge: str
    name: str
    summary: str
    href: str


@dataclass(frozen=True, slots=True)
class ApisPage:
    """``catalog/explore_apis.html``. ``hits``: operations that hold the words; ``unread`` definitions are being read for that."""

    title: str
    crumbs: Sequence[Crumb]
    count: int
    q: str
    chosen_type: str
    types: Sequence[Tab]
    rows: Sequence[ApiRow]
    pager: Pager | None = None
    hits: Sequence[OperationHit] = ()
    more_hits: int = 0
    unread: int = 0
    href: str = ""


def group_link(group: Group) -> EntityLink:
    """A link that needs no document."""
    kind, _, rest = group.ref.partition(":")
    namespace, _, name = rest.partition("/")
    return link_to(group.ref, {"kind": kind, "metadata": {"name": name, "namespace": namespace, "title": group.title}})


def tree_rows(branches: Sequence[Branch], here: str | None = None) -> list[TreeRow]:
    return [
        TreeRow(
            link=group_link(branch.group),
            type=branch.group.type,
            members=branch.group.members,
            owned=branch.group.owned,
            children=tree_rows(branch.children, here),
            hidden=branch.hidden,
            more_href="/groups?" + urlencode({"under": branch.group.ref}),
            is_match=branch.is_match,
            is_here=branch.group.ref == here,
        )
        for branch in branches
    ]


def owned_rows(
    ref: str, direct: Mapping[str, int], below: Mapping[str, int], groups_below: Sequence[str], t: Translator
) -> list[OwnedRow]:
    """By kind, in the order of kinds."""
    rows = []
    for kind in sorted({*direct, *below}, key=lambda kind: (kind_rank(kind), kind)):
        mark = kind_mark(kind)
        href = None
        if groups_below and len(groups_below) <= MAX_OWNERS_IN_ADDRESS:
            href = "/catalog?" + urlencode([("kind", kind), *(("owner", other) for other in groups_below)])
        rows.append(
            OwnedRow(
                kind_title(kind, t), mark.icon, mark.hue, direct.get(kind, 0), "/catalog?" + urlencode({"kind": kind, "owner": ref}),
                below.get(kind, 0), href,
            )
        )  # fmt: skip
    return rows


def draw(
    around: Surroundings,
    known: Mapping[str, Any],
    names: Mapping[str, str],
    title: str,
    t: Translator,
    *,
    framed: bool = True,
) -> Markup | None:
    """The drawing, with a frame around what is inside; None where there is nothing to connect."""
    if not around.inside or not around.graph.edges:
        return None
    nodes = []
    for ref, place in around.graph.places.items():
        link = link_to(ref, known.get(ref), known=False)
        nodes.append(
            NodeView(
                ref=ref, href=link.href, title=clean(link.title) or link.short, subtitle=link.kind, label=clean(f"{link.title} ({link.ref})"),
                icon=link.icon, hue=link.hue, distance=place.distance, is_person=link.is_person,
            )
        )  # fmt: skip
    # a legend names the edges: without names among them the whole is seen at once
    return draw_page(
        lay_out(around.graph, names=False),
        nodes,
        names,
        t("explore.diagram_of", title=title),
        Frame(title, around.inside) if framed else None,
    )


def legend_of(around: Surroundings, names: Mapping[str, str]) -> list[tuple[Markup, str]]:
    return [(legend_line(type), names.get(type, type)) for type in styles_of(around.graph.edges)]


def field_rows(
    values: Mapping[str, Any],
    schema: Mapping[str, Any],
    told: Collection[tuple[str, ...]] = (),
    path: tuple[str, ...] = ("spec",),
) -> list[FieldRow]:
    """Fields of an own kind in the order of its schema, those that it does not know behind; labels are the schema's titles.

    ``told``: paths of the fields that the page tells elsewhere.
    """
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    rows = []
    for name in [*(n for n in properties if n in values), *(n for n in values if n not in properties)][:MAX_FIELDS]:
        given, known = values[name], properties.get(name)
        field = known if isinstance(known, dict) else {}
        label = text(field.get("title")) or _words(str(name))
        help = text(field.get("description")) or ""
        here = (*path, str(name))
        if here in told:
            continue
        if isinstance(given, dict) and len(path) < 4:
            rows.append(FieldRow(label, str(name), help, inner=field_rows(given, field, told, here)))
            continue
        items = given if isinstance(given, list) else [given]
        shown = [text(item) if not isinstance(item, (dict, list)) else _line(item) for item in items[:30]]
        said = [value[:300] for value in shown if value]
        if said:
            href = said[0] if len(said) == 1 and said[0].lower().startswith(("https://", "http://")) else None
            rows.append(FieldRow(label, str(name), help, values=said, href=href))
    return rows


def _words(name: str) -> str:
    """``dataClass`` as people write it."""
    out = "".join(f" {c.lower()}" if c.isupper() else c for c in name.replace("_", " ").replace("-", " ")).strip()
    return out[:1].upper() + out[1:]


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {text(v) or '…'}" for k, v in list(value.items())[:6])
    return ", ".join(text(v) or "…" for v in value[:6])


def template_forms(entity: Mapping[str, Any], t: Translator) -> list[tuple[str, Sequence[FieldRow]]]:
    """The pages of a template's form: (title, fields)."""
    given = spec_of(entity).get("parameters")
    pages = given if isinstance(given, list) else [given] if isinstance(given, dict) else []
    out: list[tuple[str, Sequence[FieldRow]]] = []
    for page in pages[:20]:
        if not isinstance(page, dict):
            continue
        properties = page.get("properties")
        required = page.get("required")
        required = required if isinstance(required, list) else []
        rows = [
            FieldRow(
                label=text(told.get("title")) or _words(str(name)), name=str(name), help=(text(told.get("description")) or "")[:300],
                type=text(told.get("ui:field")) or text(told.get("type")) or "", is_required=name in required,
            )
            for name, told in list((properties if isinstance(properties, dict) else {}).items())[:MAX_FIELDS]
            if isinstance(told, dict)
        ]  # fmt: skip
        out.append((text(page.get("title")) or t("explore.template.form"), rows))
    return out


def template_steps(entity: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, action) of each step."""
    steps = spec_of(entity).get("steps")
    found = [step for step in (steps if isinstance(steps, list) else [])[:100] if isinstance(step, dict)]
    return [(text(s.get("name")) or text(s.get("id")) or "", text(s.get("action")) or "") for s in found]
