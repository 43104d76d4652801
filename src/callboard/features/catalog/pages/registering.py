"""The pages of registered locations: their list, one of them, and what a new one would bring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Mapping, Sequence
from urllib.parse import quote, urlencode

from callboard.features.catalog.interface.registering import (
    LocationLook,
    LocationPreview,
    LocationState,
    PreviewEntity,
    PreviewFile,
    PreviewOutcome,
)
from callboard.features.catalog.pages.findings import FindingView, entity_of, finding_view
from callboard.features.catalog.pages.links import link_to, short_file, short_ref, why_href
from callboard.model.refs import EntityRef, RefError
from callboard.ui.icons import kind_mark
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Banner, Crumb, EntityLink, LinkItem, Pager, Status

LOCATIONS = "/catalog/locations"
NEW = f"{LOCATIONS}/new"
PAGE = 20
SHOWN = 50
"""Files and entities of one location that its page lists."""
SHOWN_OF_FILE = 200
OUTCOMES: tuple[PreviewOutcome, ...] = ("create", "change", "unchanged", "there", "conflict", "refused")
_STATUS: Mapping[str, Status] = {
    "create": "ok", "change": "info", "unchanged": "unknown", "there": "unknown", "conflict": "warn", "refused": "bad",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LocationRow:
    """A location in the list. ``status`` is bad with problems, unknown before the first reading, else ok."""

    id: str
    href: str
    type: str
    target: str
    title: str
    at: Moment
    by: str
    read: Moment | None
    files: int
    entities: int
    problems: int
    status: Status


@dataclass(frozen=True, slots=True)
class LocationsPage:
    """``catalog/locations.html``. ``may_create``: the button makes sense, the service decides again."""

    title: str
    crumbs: Sequence[Crumb]
    count: int
    q: str
    rows: Sequence[LocationRow]
    pager: Pager
    may_create: bool


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file as last read; ``href`` asks what happened to it."""

    title: str
    location: str
    href: str
    read: Moment | None
    error: str | None
    entities: int


@dataclass(frozen=True, slots=True)
class LocationPage:
    """``catalog/location.html``. ``going`` leave the catalog with the location, ``staying`` do not; both lists are cut."""

    title: str
    crumbs: Sequence[Crumb]
    row: LocationRow
    entity: EntityLink
    files: Sequence[FileRow]
    file_count: int
    going: Sequence[EntityLink]
    going_count: int
    staying: Sequence[EntityLink]
    staying_count: int
    findings: Sequence[FindingView]
    keeps_orphans: bool
    may_delete: bool
    banners: Sequence[Banner]
    open_url: str | None


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A document of a file. ``link`` is None for what has no name; ``note`` says who has the name."""

    link: EntityLink | None
    kind: str
    title: str
    ref: str
    icon: str
    hue: int
    outcome: str
    status: Status
    line: int
    findings: Sequence[FindingView]
    note: str


@dataclass(frozen=True, slots=True)
class PreviewFileView:
    """A file that would be read; ``unlisted`` of its documents are not drawn."""

    title: str
    location: str
    findings: Sequence[FindingView]
    rows: Sequence[PreviewRow]
    unlisted: int
    named_by: str | None


@dataclass(frozen=True, slots=True)
class NewLocationPage:
    """``catalog/location_new.html``. ``counts`` are (outcome, status, number) that are not 0.

    ``state``: ``ask`` before anything is looked at, ``preview``, ``choose`` among descriptors of a repository, ``nothing`` when it
    has none.
    """

    title: str
    crumbs: Sequence[Crumb]
    target: str
    error: str | None
    state: Literal["ask", "preview", "choose", "nothing"]
    counts: Sequence[tuple[str, Status, int]]
    files: Sequence[PreviewFileView]
    candidates: Sequence[str]
    exists_href: str | None
    is_cut: bool
    errors: int
    ways: Sequence[LinkItem]

    @property
    def can_register(self) -> bool:
        return self.state == "preview" and self.exists_href is None


def location_href(id: str) -> str:
    return f"{LOCATIONS}/{quote(id, safe='')}"


def new_href(target: str) -> str:
    return f"{NEW}?{urlencode({'target': target})}"


def location_row(state: LocationState, now: datetime) -> LocationRow:
    location = state.location
    status: Status = "bad" if state.problems else "ok" if state.read_at is not None else "unknown"
    return LocationRow(
        location.id, location_href(location.id), location.type, location.target, short_file(location.target),
        moment(state.created_at, now), person(state.by), moment(state.read_at, now) if state.read_at else None,
        state.files, state.entities, state.problems, status,
    )  # fmt: skip


def person(actor: str) -> str:
    """A subject as people read it."""
    try:
        ref = EntityRef.parse(actor)
    except RefError:
        return actor
    return short_ref(ref) if ref.kind.lower() == "user" else actor


def locations_page(
    states: Sequence[LocationState], total: int, t: Translator, *, now: datetime, q: str, start: int, may_create: bool
) -> LocationsPage:
    def at(offset: int) -> str:
        params = [(name, value) for name, value in (("q", q), ("start", str(offset) if offset else "")) if value]
        return LOCATIONS + ("?" + urlencode(params) if params else "")

    last = start + len(states)
    pager = Pager(
        start + 1 if states else 0, last, total,
        previous_href=at(max(start - PAGE, 0)) if start else None, next_href=at(last) if last < total else None,
    )  # fmt: skip
    return LocationsPage(
        t("catalog.locations"), (Crumb(t("catalog.title"), "/catalog"), Crumb(t("catalog.locations"))), total, q,
        [location_row(state, now) for state in states], pager, may_create,
    )  # fmt: skip


def location_page(
    look: LocationLook, known: Mapping[str, Mapping[str, Any] | None], t: Translator, *, now: datetime, may_delete: bool,
    banners: Sequence[Banner] = (),
) -> LocationPage:  # fmt: skip
    row = location_row(look.state, now)
    crumbs = (Crumb(t("catalog.title"), "/catalog"), Crumb(t("catalog.locations"), LOCATIONS), Crumb(row.title))
    files = [
        FileRow(
            short_file(f.location), f.location, why_href(f.location), moment(f.read_at, now) if f.read_at else None, f.error,
            f.entities,
        )
        for f in look.files
    ]  # fmt: skip
    ref = look.state.location.entity_ref
    return LocationPage(
        row.title, crumbs, row, link_to(ref, known.get(ref), known=ref in known), files, look.file_count,
        [link_to(r, known.get(r), known=r in known) for r in look.going], look.going_count,
        [link_to(r, known.get(r), known=r in known) for r in look.staying], look.staying_count,
        [finding_view(f, now, t, entity_of(f, known)) for f in look.findings], look.keeps_orphans, may_delete, banners,
        row.target if row.type == "url" and "*" not in row.target else None,
    )  # fmt: skip


def refs_of_look(look: LocationLook) -> list[str]:
    named = [f.entity_ref.lower() for f in look.findings if f.entity_ref]
    return [look.state.location.entity_ref, *look.going, *look.staying, *named]


def new_page(
    t: Translator, *, target: str = "", preview: LocationPreview | None = None, error: str | None = None,
    known: Mapping[str, Mapping[str, Any] | None] | None = None, ways: Sequence[LinkItem] = (),
) -> NewLocationPage:  # fmt: skip
    crumbs = (
        Crumb(t("catalog.title"), "/catalog"), Crumb(t("catalog.locations"), LOCATIONS), Crumb(t("catalog.location.new"))
    )  # fmt: skip
    state: Literal["ask", "preview", "choose", "nothing"] = "ask"
    counts: list[tuple[str, Status, int]] = []
    files: list[PreviewFileView] = []
    if preview is not None:
        found = preview.files
        state = "preview" if found else "choose" if preview.candidates else "nothing"
        counts = [(one, _STATUS[one], n) for one in OUTCOMES if (n := preview.count(one))]
        files = [_file_view(file, known or {}, t) for file in found]
    return NewLocationPage(
        t("catalog.location.new"), crumbs, target, error, state, counts, files, preview.candidates if preview else (),
        location_href(preview.exists) if preview and preview.exists else None, preview.is_cut if preview else False,
        preview.error_count if preview else 0, ways,
    )  # fmt: skip


def _file_view(file: PreviewFile, known: Mapping[str, Mapping[str, Any] | None], t: Translator) -> PreviewFileView:
    rows = [_preview_row(entity, file.location, known, t) for entity in file.entities[:SHOWN_OF_FILE]]
    return PreviewFileView(
        short_file(file.location), file.location, [finding_view(f, None, t, in_file=file.location) for f in file.findings],
        rows, max(0, len(file.entities) - SHOWN_OF_FILE), file.named_by,
    )  # fmt: skip


def _preview_row(
    entity: PreviewEntity, location: str, known: Mapping[str, Mapping[str, Any] | None], t: Translator
) -> PreviewRow:
    mark = kind_mark(entity.kind or "kind")
    standing = known.get(entity.ref) if entity.ref else None
    note = ""
    if entity.outcome == "conflict":
        note = (
            t("catalog.preview.held_by", place=short_file(entity.held_by)) if entity.held_by
            else t("catalog.preview.held_hidden")
        )  # fmt: skip
    elif entity.outcome == "there":
        note = t("catalog.preview.there_by", place=short_file(entity.held_by))
    return PreviewRow(
        link_to(entity.ref, standing) if entity.ref and standing is not None else None, entity.kind,
        entity.title or entity.ref or t("catalog.preview.nameless"), entity.ref or "", mark.icon, mark.hue, entity.outcome,
        _STATUS[entity.outcome], entity.line, [finding_view(f, None, t, in_file=location) for f in entity.findings], note,
    )  # fmt: skip
