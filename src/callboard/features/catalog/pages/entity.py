"""The entity page, tolerant of any kind: what a document has is shown, what it lacks leaves no gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Mapping, Sequence
from urllib.parse import urlencode

import orjson
from markupsafe import Markup

from callboard.features.catalog.interface import EntityCard, EntityTab
from callboard.features.catalog.pages.banners import problem_banners
from callboard.features.catalog.pages.findings import FindingView
from callboard.features.catalog.pages.history import Change
from callboard.features.catalog.pages.links import (
    display_title,
    entity_href,
    kind_title,
    links_of,
    related,
    safe_href,
    spec_of,
    text,
    why_href,
)
from callboard.features.catalog.pages.location_files import FileView
from callboard.features.catalog.pages.relations import SHOWN, RelationGroup, relation_counts, relation_groups
from callboard.features.catalog.problems import Around
from callboard.kernel.auth.actor import Actor
from callboard.model.predicates import matches
from callboard.model.refs import DEFAULT_NAMESPACE, EntityRef, LocationRef, RefError
from callboard.model.terms import Terms
from callboard.ui.code import Code, format_yaml, show_code
from callboard.ui.icons import kind_mark, link_icon, stable_hue
from callboard.ui.markdown import is_markdown, render_markdown
from callboard.ui.messages import Translator
from callboard.ui.parts import Banner, Crumb, EntityLink, LinkItem, Tab

HEADER_LINKS: Final = 5
MAX_DEFINITION_BYTES: Final = 120_000
MAX_UNFOLDED: Final = 2_000_000
MAX_LINKS: Final = 50
MAX_TAGS: Final = 200
MAX_PAIRS: Final = 300
BUILT_IN: Final = ("component", "api", "resource", "system", "domain", "group", "user", "location", "template")
"""Kinds whose pages are made by hand; any other shows its fields by its schema."""
_FACT_FIELDS: Final = ("target", "presence")
_NOT_FACTS: Final = frozenset(
    [
        "type",
        "lifecycle",
        "owner",
        "system",
        "domain",
        "definition",
        "subcomponentof",
        "parent",
        "children",
        "members",
        "memberof",
        "dependson",
        "dependencyof",
        "providesapis",
        "consumesapis",
        "profile",
        "targets",
        "target",
        "presence",
        "parameters",
        "steps",
        "output",
    ]
)
_LANGUAGES: Final = {
    "openapi": "yaml",
    "asyncapi": "yaml",
    "graphql": "graphql",
    "grpc": "protobuf",
    "trpc": "typescript",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the about list: plain text, entity links, or an outside address."""

    label: str
    text: str | None = None
    links: Sequence[EntityLink] = ()
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where an entity comes from. ``view_href`` and ``edit_href`` are outside addresses; ``origin`` is the registered root."""

    text: str | None
    view_href: str | None
    edit_href: str | None
    origin: str | None
    why_href: str


@dataclass(frozen=True, slots=True)
class OwnerCard:
    """Who owns a thing and how to reach them: mail first, then the links of their entity. ``members`` None: not a group."""

    link: EntityLink
    reach: Sequence[LinkItem]
    members: int | None


@dataclass(frozen=True, slots=True)
class RenderedCard:
    """A card that a plugin gave, rendered. ``leads``: it stands over the relations."""

    id: str
    title: str
    html: Markup
    leads: bool = False


@dataclass(frozen=True, slots=True)
class EntityPage:
    """``catalog/entity.html``; ``tab`` says which of the fields below the line are filled.

    ``refresh_href`` is None for those who may not have it read again; ``actions`` are buttons of plugins; ``mine`` says why it is
    the reader's own. ``shown_findings`` are in groups: (heading or None,
    findings). ``files`` are the first of ``file_count``.
    """

    title: str
    crumbs: Sequence[Crumb]
    ref: str
    kind: str
    icon: str
    hue: int
    lifecycle: str | None
    type: str | None
    owners: Sequence[EntityLink]
    summary: str | None
    links: Sequence[LinkItem]
    banners: Sequence[Banner]
    tabs: Sequence[Tab]
    tab: str
    href: str
    visited: Mapping[str, Any]
    refresh_href: str | None
    source: Source
    actions: Sequence[LinkItem] = ()
    mine: str | None = None
    # overview
    description: Markup | None = None
    facts: Sequence[Fact] = ()
    relations: Sequence[RelationGroup] = ()
    owner_cards: Sequence[OwnerCard] = ()
    more_links: Sequence[LinkItem] = ()
    files: Sequence[FileView] = ()
    file_count: int = 0
    names_no_file: bool = False
    recent: Sequence[Change] = ()
    history_href: str | None = None
    versions_href: str | None = None
    tags: Sequence[tuple[str, str]] = ()
    annotations: Sequence[tuple[str, str, str | None]] = ()
    labels: Sequence[tuple[str, str, str | None]] = ()
    main_cards: Sequence[RenderedCard] = ()
    side_cards: Sequence[RenderedCard] = ()
    wide_cards: Sequence[RenderedCard] = ()
    # other tabs
    code: Code | None = None
    api: Any = None
    """An ``apis.pages.ApiView``, where the definition is of a format that is read."""
    raw_href: str | None = None
    language: str | None = None
    changes: Sequence[Change] = ()
    older_href: str | None = None
    shown_findings: Sequence[tuple[str | None, Sequence[FindingView]]] = ()
    unlisted_findings: int = 0
    relation: RelationGroup | None = None
    relation_range: tuple[int, int] | None = None
    relation_previous: str | None = None
    relation_choices: Sequence[Tab] = ()
    plugin_html: Markup | None = None


def _annotations(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    annotations = entity["metadata"].get("annotations")
    return annotations if isinstance(annotations, dict) else {}


def shown_refs(entity: Mapping[str, Any]) -> list[str]:
    """The refs whose documents the overview needs: the first of each group and all that the header names."""
    refs = [r for key, _, targets in relation_counts(entity) for r in targets[: SHOWN + 1]]
    return list(dict.fromkeys([*related(entity, "ownedBy")[:3], *refs]))


def facts_of(entity: Mapping[str, Any], known: Mapping[str, Any], t: Translator) -> list[Fact]:
    """The about list: the fields that every kind has, those of its kind, then what else is scalar in ``spec``."""
    spec, metadata = spec_of(entity), entity["metadata"]
    facts: list[Fact] = []
    parts = related(entity, "partOf")
    for kind, label in (("system:", "system"), ("domain:", "domain"), ("component:", "part_of")):
        if refs := [r for r in parts if r.startswith(kind)]:
            facts.append(Fact(t(f"catalog.fact.{label}"), links=links_of(refs[:3], known)))
    for relation, label in (("memberOf", "groups"), ("childOf", "parent")):
        if refs := related(entity, relation):
            facts.append(Fact(t(f"catalog.fact.{label}"), links=links_of(refs[:6], known)))
    for field in _FACT_FIELDS:
        if (value := text(spec.get(field))) and not (field == "target" and str(entity["kind"]).lower() == "location"):
            facts.append(Fact(t(f"catalog.fact.{field}"), value))
    profile = spec.get("profile")
    kind = str(entity["kind"]).lower()
    # groups and people have a card that says how to reach them
    if kind not in ("group", "user") and isinstance(profile, dict) and (email := text(profile.get("email"))):
        facts.append(Fact(t("catalog.fact.email"), email, href=safe_href(f"mailto:{email}")))
    # own kinds have a card with all their fields
    for key, raw in spec.items() if kind in BUILT_IN else ():
        value = text(raw)
        if key.lower() not in _NOT_FACTS and value and len(value) <= 200 and "\n" not in value:
            facts.append(Fact(key, value))
    if (metadata.get("namespace") or DEFAULT_NAMESPACE).lower() != DEFAULT_NAMESPACE:
        facts.append(Fact(t("catalog.fact.namespace"), str(metadata["namespace"])))
    return facts


def source_of(entity: Mapping[str, Any]) -> Source:
    """Where the document lies, from the annotations that reading it left."""
    annotations = _annotations(entity)
    ref = str(EntityRef.of(entity))
    raw = text(annotations.get("backstage.io/managed-by-location"))
    where = None
    if raw:
        try:
            where = LocationRef.parse(raw)
        except RefError:
            where = None
    view = safe_href(annotations.get("backstage.io/view-url")) or (safe_href(where.target) if where else None)
    return Source(
        text=where.target if where else raw,
        view_href=view,
        edit_href=safe_href(annotations.get("backstage.io/edit-url")),
        origin=text(annotations.get("backstage.io/managed-by-origin-location")),
        why_href=why_href(ref),
    )


def pairs(values: Any) -> list[tuple[str, str, str | None]]:
    """A mapping as (key, text, address if it is one), sorted by key; the first ``MAX_PAIRS``, the YAML tab has them all."""
    if not isinstance(values, dict):
        return []
    shown = sorted(values.items(), key=lambda i: str(i[0]))[:MAX_PAIRS]
    return [(str(k), v if isinstance(v, str) else str(v), safe_href(v)) for k, v in shown]


def entity_links(entity: Mapping[str, Any]) -> list[LinkItem]:
    """The first ``MAX_LINKS`` that a page may link to; the YAML tab has them all."""
    out: list[LinkItem] = []
    for link in entity["metadata"].get("links") or ():
        if len(out) == MAX_LINKS:
            break
        if isinstance(link, dict) and (href := safe_href(link.get("url"))):
            title = text(link.get("title")) or href.split("://", 1)[-1].removesuffix("/")
            out.append(LinkItem(title, href, link_icon(text(link.get("icon"))), text(link.get("type"))))
    return out


def owner_cards(owners: Sequence[EntityLink], known: Mapping[str, Any]) -> list[OwnerCard]:
    cards = []
    for link in owners:
        owner = known.get(link.ref)
        reach: list[LinkItem] = []
        members = None
        if owner is not None:
            profile = spec_of(owner).get("profile")
            email = text(profile.get("email")) if isinstance(profile, dict) else None
            if email and (href := safe_href(f"mailto:{email}")):
                reach.append(LinkItem(email, href, "email"))
            reach += entity_links(owner)[: 4 - len(reach)]
            if link.kind == "group":
                members = len(related(owner, "hasMember"))
        cards.append(OwnerCard(link, reach, members))
    return cards


def has_definition(entity: Mapping[str, Any]) -> bool:
    """Whether there is anything to show on the tab."""
    definition = spec_of(entity).get("definition")
    return isinstance(definition, str) and bool(definition.strip())


def definition_of(entity: Mapping[str, Any]) -> Code | None:
    """The definition of an API, coloured as far as we know its language; None for other entities."""
    spec = spec_of(entity)
    definition = spec.get("definition")
    if not isinstance(definition, str) or not definition.strip():
        return None
    language = _LANGUAGES.get(str(spec.get("type", "")).lower(), "text")
    if definition.lstrip()[:1] in "{[" and language in ("yaml", "text"):
        language = "json"
        definition = _unfold(definition)
    return show_code(definition, language, max_bytes=MAX_DEFINITION_BYTES)


def _unfold(json: str) -> str:
    """JSON that somebody wrote without a line break, with line breaks; anything else as it is."""
    if "\n" in json.strip() or len(json) > MAX_UNFOLDED:
        return json
    try:
        return orjson.dumps(orjson.loads(json), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return json


def yaml_of(entity: Mapping[str, Any]) -> Code:
    """The entity as the catalog serves it. A long definition is cut: it has a tab of its own."""
    shown = dict(entity)
    spec = spec_of(entity)
    definition = spec.get("definition")
    if isinstance(definition, str) and len(definition) > 4_000:
        shown["spec"] = {**spec, "definition": definition[:4_000].rpartition("\n")[0] + "\n…\n"}
    if len(shown.get("relations") or ()) > 500:
        shown["relations"] = [*shown["relations"][:500], {"type": "…", "targetRef": "…"}]
    return show_code(format_yaml(shown), "yaml")


def tabs_of(
    entity: Mapping[str, Any],
    current: str,
    problems: int,
    errors: int,
    extra: Sequence[EntityTab],
    terms: Terms,
    t: Translator,
) -> list[Tab]:
    """The tabs that have something. Plugins' tabs stand between ours about the thing and ours about its record."""
    ref = EntityRef.of(entity)
    relations = sum(len(refs) for key, _, refs in relation_counts(entity) if key != "ownedby")
    own: list[tuple[int, Tab]] = [
        (0, Tab("overview", t("catalog.tab.overview"), entity_href(ref), current == "overview"))
    ]

    def add(rank: int, id: str, count: int | None = None, bad: bool = False) -> None:
        own.append((rank, Tab(id, t(f"catalog.tab.{id}"), entity_href(ref, id), current == id, count, bad)))

    if isinstance(spec_of(entity).get("definition"), str):
        add(10, "definition")
    if relations > SHOWN or current == "relations":
        add(20, "relations", relations)
    for tab in extra:
        if tab.shown is None or matches(tab.shown, terms):
            title = t.title(tab.title)
            own.append((tab.rank, Tab(tab.id, title, entity_href(ref, tab.id), current == tab.id)))
    add(900, "history")
    if problems or current == "problems":
        add(910, "problems", problems, errors > 0)
    add(920, "yaml")
    return [tab for _, tab in sorted(own, key=lambda pair: pair[0])]


def entity_page(
    entity: Mapping[str, Any],
    *,
    tab: str,
    known: Mapping[str, Any],
    around: Around,
    extra_tabs: Sequence[EntityTab],
    terms: Terms,
    actor: Actor,
    may_refresh: bool,
    refreshed: bool,
    t: Translator,
    actions: Sequence[LinkItem] = (),
    mine: str | None = None,
    **tab_fields: Any,
) -> EntityPage:
    """The header, banners and tabs, with the fields of the open tab."""
    ref = EntityRef.of(entity)
    spec, metadata = spec_of(entity), entity["metadata"]
    mark = kind_mark(ref.kind)
    title = display_title(entity)
    owners = links_of(related(entity, "ownedBy")[:3], known)
    description = text(metadata.get("description"))
    source = source_of(entity)
    banners = problem_banners(entity, Around() if tab == "problems" else around, actor, owners, source.edit_href, t)
    if refreshed:
        banners.insert(0, Banner("ok", t("catalog.refreshed"), [t("catalog.refreshed_means")]))
    crumbs = [
        Crumb(t("catalog.title"), "/catalog"),
        Crumb(kind_title(ref.kind, t), "/catalog?" + urlencode({"kind": ref.kind.lower()})),
        Crumb(title),
    ]
    errors = sum(p.finding.severity == "error" for p in around.all)
    return EntityPage(
        title=title,
        crumbs=crumbs,
        ref=str(ref),
        kind=ref.kind,
        icon=mark.icon,
        hue=stable_hue(str(ref)) if ref.kind.lower() in ("user", "group") else mark.hue,
        lifecycle=text(spec.get("lifecycle")),
        type=text(spec.get("type")),
        owners=owners,
        summary=description if description and not is_markdown(description) and len(description) <= 280 else None,
        links=entity_links(entity)[:HEADER_LINKS],
        banners=banners,
        tabs=tabs_of(entity, tab, around.total, errors, extra_tabs, terms, t),
        tab=tab,
        href=entity_href(ref),
        visited={"title": title, "href": entity_href(ref), "icon": mark.icon, "hue": mark.hue, "hint": str(ref)},
        refresh_href=entity_href(ref, "refresh") if may_refresh else None,
        source=source,
        actions=actions,
        mine=mine,
        **tab_fields,
    )


def overview_fields(entity: Mapping[str, Any], known: Mapping[str, Any], t: Translator) -> dict[str, Any]:
    metadata = entity["metadata"]
    description = text(metadata.get("description"))
    in_header = description and not is_markdown(description) and len(description) <= 280
    tags = [str(tag) for tag in (metadata.get("tags") or ())[:MAX_TAGS]]
    return {
        "description": render_markdown(description) if description and not in_header else None,
        "facts": facts_of(entity, known, t),
        "relations": relation_groups(entity, known, t),
        "owner_cards": owner_cards(links_of(related(entity, "ownedBy")[:3], known), known),
        "more_links": entity_links(entity)[HEADER_LINKS:],
        "tags": [(tag, "/catalog?" + urlencode({"tag": tag})) for tag in tags],
        "annotations": pairs(metadata.get("annotations")),
        "labels": pairs(metadata.get("labels")),
    }


LEADING: Final = 50
"""Cards of a lower rank stand over the relations."""


def shown_cards(cards: Sequence[EntityCard], column: str, terms: Terms) -> list[EntityCard]:
    """The plugins' cards of one column that this entity calls for, by rank."""
    return sorted(
        (c for c in cards if c.column == column and (c.shown is None or matches(c.shown, terms))),
        key=lambda card: card.rank,
    )
