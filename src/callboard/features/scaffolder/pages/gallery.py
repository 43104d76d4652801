"""``/create``: templates as cards, filtered, starred ones first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Mapping, Sequence

from callboard.features.catalog.interface import FacetValue
from callboard.features.catalog.interface.links import entity_href, link_to
from callboard.features.scaffolder.interface import TemplateUse
from callboard.features.scaffolder.pages.common import CREATE, form_href, start_of, with_params
from callboard.model.predicates import HasText, Predicate, conjoin, has_value
from callboard.model.refs import EntityRef
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment
from callboard.ui.parts import Crumb, EntityLink, Facet, FacetOption, LinkItem, Pager, Tab

SIZE = 24
FOLD = 6
MOST = 40
FACETS: Mapping[str, str] = {"type": "spec.type", "tag": "metadata.tags", "owner": "relations.ownedBy"}
IS_TEMPLATE = has_value("kind", ["template"])
_TEXT = ("metadata.name", "metadata.title", "metadata.description", "metadata.tags", "spec.type")


@dataclass(frozen=True, slots=True)
class GalleryState:
    """What the address asks for."""

    q: str = ""
    chosen: tuple[tuple[str, str], ...] = ()
    is_starred: bool = False
    start: int = 0

    @classmethod
    def parse(cls, params: Any) -> GalleryState:
        pairs = [(name, value.strip()[:200]) for name, value in params.multi_items() if name in FACETS]
        chosen = tuple(dict.fromkeys((name, value) for name, value in pairs if value))[:30]
        q = str(params.get("q", "")).strip()[:200]
        return cls(q, chosen, params.get("starred") == "1", start_of(params.get("start", "")))

    @property
    def is_filtered(self) -> bool:
        return bool(self.q or self.chosen or self.is_starred)

    def predicate(self, *, without: str = "") -> Predicate:
        """Values of one filter are alternatives, but each tag is a condition of its own."""
        parts: list[Predicate] = [IS_TEMPLATE]
        for name, key in FACETS.items():
            values = [value for which, value in self.chosen if which == name and which != without]
            if name == "tag":
                parts += [has_value(key, [value]) for value in values]
            elif values:
                parts.append(has_value(key, values))
        parts += [HasText(_TEXT, word) for word in self.q.lower().split()[:8]]
        return conjoin(*parts)

    def href(
        self, *, start: int = 0, chosen: Sequence[tuple[str, str]] | None = None, starred: bool | None = None
    ) -> str:
        params = [("q", self.q)] if self.q else []
        params += self.chosen if chosen is None else chosen
        params += [("starred", "1")] if (self.is_starred if starred is None else starred) else []
        return with_params(CREATE, [*params, *([("start", str(start))] if start else [])])

    def toggled(self, name: str, value: str) -> str:
        pair = (name, value)
        rest = [one for one in self.chosen if (one[0], one[1].lower()) != (name, value.lower())]
        return self.href(chosen=rest if len(rest) < len(self.chosen) else [*self.chosen, pair])


@dataclass(frozen=True, slots=True)
class TemplateCard:
    """A template to choose. ``use`` is None where nobody counts."""

    ref: str
    title: str
    description: str
    href: str
    entity_href: str
    type: str
    tags: Sequence[tuple[str, str]]
    owner: EntityLink | None
    is_starred: bool | None
    use: TemplateUse | None
    last_success: Moment | None


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """``scaffolder/create.html``. ``ways`` are other ways to make something; ``is_new``: there is no template at all."""

    title: str
    crumbs: Sequence[Crumb]
    tabs: Sequence[Tab]
    state: GalleryState
    cards: Sequence[TemplateCard]
    total: int
    facets: Sequence[Facet]
    chosen: Sequence[LinkItem]
    hidden: Sequence[tuple[str, str]]
    clear_href: str
    starred_href: str | None
    pager: Pager | None
    ways: Sequence[LinkItem]
    is_new: bool


def card_of(
    entity: Mapping[str, Any],
    *,
    state: GalleryState,
    use: TemplateUse | None,
    last_success: Moment | None,
    is_starred: bool | None,
    owners: Mapping[str, Mapping[str, Any]],
) -> TemplateCard:
    metadata, spec = entity["metadata"], entity.get("spec") or {}
    ref = EntityRef.of(entity)
    owner = next((one["targetRef"] for one in entity.get("relations", ()) if one["type"] == "ownedBy"), None)
    tags = [tag for tag in metadata.get("tags") or () if isinstance(tag, str)]
    return TemplateCard(
        ref=str(ref).lower(),
        title=str(metadata.get("title") or metadata["name"]),
        description=str(metadata.get("description") or ""),
        href=form_href(ref),
        entity_href=entity_href(ref),
        type=str(spec.get("type") or ""),
        tags=[(tag, state.toggled("tag", tag)) for tag in tags[:6]],
        owner=link_to(owner, owners.get(owner.lower())) if owner else None,
        is_starred=is_starred,
        use=use,
        last_success=last_success,
    )


def facets_of(
    state: GalleryState,
    found: Mapping[str, Sequence[FacetValue]],
    owners: Mapping[str, Mapping[str, Any]],
    t: Translator,
) -> list[Facet]:
    """Filters that could narrow the list, and those that are on."""
    out = []
    for name, key in FACETS.items():
        on = {value.lower() for which, value in state.chosen if which == name}
        values = sorted(found.get(key, ()), key=lambda one: (one.value.lower() not in on, -one.count, one.value))
        listed = {one.value.lower() for one in values}
        values += [
            FacetValue(value, 0) for which, value in state.chosen if which == name and value.lower() not in listed
        ]
        if not on and len(values) < 2:
            continue
        options = [
            FacetOption(
                _named(name, one.value, owners), one.count, state.toggled(name, one.value), one.value.lower() in on,
                one.value if name == "owner" else None,
            )
            for one in values
        ]  # fmt: skip
        more = options[FOLD:MOST]
        out.append(Facet(name, t(f"scaffolder.page.facet.{name}"), options[:FOLD], more, len(options[MOST:])))
    return out


def chosen_of(state: GalleryState, owners: Mapping[str, Mapping[str, Any]]) -> list[LinkItem]:
    """Each filter that is on, leading to the list without it."""
    items = [LinkItem(_named(name, value, owners), state.toggled(name, value)) for name, value in state.chosen]
    return [*items, *([LinkItem(f"“{state.q}”", replace(state, q="").href())] if state.q else [])]


def _named(name: str, value: str, owners: Mapping[str, Mapping[str, Any]]) -> str:
    return link_to(value, owners.get(value.lower()), known=False).title if name == "owner" else value


def pager_of(start: int, size: int, total: int, href: Any) -> Pager:
    """``href(start)`` leads to the rows from there."""
    last = min(start + size, total)
    return Pager(
        start + 1 if start < total else 0, last if start < total else 0, total,
        href(max(start - size, 0)) if start else None, href(start + size) if last < total else None,
    )  # fmt: skip
