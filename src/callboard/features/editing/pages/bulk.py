"""The pages of bulk changes: what to change, what that comes to entity by entity, how far it is, what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence
from urllib.parse import urlencode

from callboard.features.editing.bulk.interface import FIELDS, BulkChange, BulkItem, BulkRecord
from callboard.features.editing.pages.editor import entity_href
from callboard.model.refs import EntityRef
from callboard.ui.icons import kind_mark
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Banner, Crumb, Pager, Status, Tab

CHANGE, CHANGES = "/change", "/changes"
PAGE = 50
RECORDS = 25
OUTCOMES = ("changed", "unchanged", "refused", "conflict", "missing")
_STATUS: Mapping[str, Status] = {
    "changed": "ok", "unchanged": "unknown", "refused": "bad", "conflict": "warn", "missing": "unknown"
}  # fmt: skip
NAMED: Mapping[str, tuple[str, ...]] = {"owner": ("group", "user"), "system": ("system",)}
"""Fields that name an entity, with its kinds."""
BUSY = ("planning", "applying", "undoing")


@dataclass(frozen=True, slots=True)
class BulkFieldView:
    """A field to set: ``how`` is keep, set or clear."""

    name: str
    label: str
    how: str
    value: str
    options: Sequence[tuple[str, str]]
    error: str | None
    kinds: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ChooseChangePage:
    """``editing/change.html``. ``params`` are hidden fields that say which entities: filters of the list, or refs."""

    title: str
    crumbs: Sequence[Crumb]
    count: int
    words: Sequence[str]
    params: Sequence[tuple[str, str]]
    back_href: str
    fields: Sequence[BulkFieldView]
    add_tags: str
    remove_tags: str
    why: str
    errors: Mapping[str, str]
    tags: Sequence[str]
    banners: Sequence[Banner]


@dataclass(frozen=True, slots=True)
class ItemView:
    """An entity of a bulk change. ``lines`` are (label, before, after)."""

    ref: str
    name: str
    href: str
    icon: str
    hue: int
    outcome: str
    status: Status
    way: str
    message: str
    lines: Sequence[tuple[str, str, str]]
    undo: str
    undo_status: Status
    undo_message: str


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A bulk change in the list."""

    id: str
    href: str
    what: str
    stage: str
    by: str
    at: Moment
    changed: int


@dataclass(frozen=True, slots=True)
class BulkPage:
    """``editing/bulk.html``: a bulk change at any stage. ``is_busy``: a job is at it. ``tabs`` choose an outcome."""

    title: str
    crumbs: Sequence[Crumb]
    id: str
    href: str
    stage: str
    is_busy: bool
    done: int
    total: int
    what: str
    why: str
    by: str
    at: Moment
    changed: int
    undone: int
    tabs: Sequence[Tab]
    items: Sequence[ItemView]
    pager: Pager
    can_apply: bool
    can_undo: bool
    banners: Sequence[Banner]


@dataclass(frozen=True, slots=True)
class RecordsPage:
    """``editing/changes.html``."""

    title: str
    crumbs: Sequence[Crumb]
    rows: Sequence[RecordRow]
    pager: Pager


def change_href(id: str) -> str:
    return f"{CHANGES}/{id}"


def choose_change_page(
    t: Translator, *, count: int, words: Sequence[str], params: Sequence[tuple[str, str]], back_href: str,
    options: Mapping[str, Sequence[tuple[str, str]]], tags: Sequence[str], form: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> ChooseChangePage:  # fmt: skip
    form, errors = form or {}, errors or {}
    fields = [
        BulkFieldView(
            name, t(f"editing.field.{name}"), form.get(f"{name}.how", "keep"), form.get(name, ""), options.get(name, ()), errors.get(name),
            NAMED.get(name, ()),
        )
        for name in FIELDS
    ]  # fmt: skip
    general = [message for field, message in errors.items() if field not in (*FIELDS, "add_tags")]
    crumbs = (Crumb(t("catalog.title"), back_href), Crumb(t("editing.bulk.choose")))
    return ChooseChangePage(
        t("editing.bulk.choose_n", n=count), crumbs, count, words, params, back_href, fields, form.get("add_tags", ""),
        form.get("remove_tags", ""), form.get("why", ""), errors, tags, [Banner("bad", message) for message in general],
    )  # fmt: skip


def describe(change: BulkChange, t: Translator) -> str:
    """Such as ``Owner: group:default/team; +java``."""
    words = []
    for name, value in change.values.items():
        label = t(f"editing.field.{name}")
        words.append(f"{label}: {value}" if value is not None else t("editing.bulk.cleared", what=label))
    words += [f"+{tag}" for tag in change.add_tags] + [f"−{tag}" for tag in change.remove_tags]
    return "; ".join(words)


def bulk_page(
    record: BulkRecord, items: Sequence[BulkItem], t: Translator, *, now: datetime, total: int, outcome: str, start: int,
    titles: Mapping[str, str],
) -> BulkPage:  # fmt: skip
    href = change_href(record.id)

    def at(**params: Any) -> str:
        said = {name: value for name, value in params.items() if value}
        return href + (f"?{urlencode(said)}" if said else "")

    tabs = [Tab("all", t("editing.bulk.all"), href, not outcome, record.total)]
    for one in OUTCOMES:
        if n := record.counts.get(one, 0):
            title = t(f"editing.bulk.outcome.{'will' if record.stage == 'planned' and one == 'changed' else one}")
            tabs.append(Tab(one, title, at(outcome=one), outcome == one, n, one in ("refused", "conflict")))
    last = start + len(items)
    changed, undone = record.counts.get("changed", 0), record.undone.get("changed", 0)
    banners = []
    if record.stage == "failed":
        banners.append(Banner("bad", t("editing.bulk.failed"), [record.error]))
    elif record.stage == "undone":
        left = sum(record.undone.values()) - undone
        body = [t("editing.bulk.undone_left", n=left)] if left else []
        banners.append(Banner("warn" if left else "ok", t("editing.bulk.undone", n=undone), body))
    elif record.stage == "applied":
        banners.append(Banner("ok", t("editing.bulk.applied", n=changed)))
    title = t("editing.bulk.preview") if record.stage in ("planning", "planned") else t("editing.bulk.title")
    return BulkPage(
        title, (Crumb(t("editing.bulk.changes"), CHANGES), Crumb(title)), record.id, href, record.stage, record.stage in BUSY,
        record.done, record.total if record.stage == "planning" else changed, describe(record.change, t), record.why,
        _person(record.by), moment(record.created_at, now), changed, undone, tabs,
        [_item(item, record, titles.get(item.ref), t) for item in items],
        Pager(
            start + 1 if items else 0, last, total,
            at(outcome=outcome, start=max(start - PAGE, 0)) if start else None,
            at(outcome=outcome, start=last) if last < total else None,
        ),
        record.stage == "planned" and changed > 0, (record.stage in ("applied", "failed") and changed > 0 and record.applied_at is not None)
        or (record.stage == "failed" and record.done > 0), banners,
    )  # fmt: skip


def _person(by: str) -> str:
    return by.removeprefix("user:default/")


def _item(item: BulkItem, record: BulkRecord, title: str | None, t: Translator) -> ItemView:
    ref = EntityRef.parse(item.ref)
    mark = kind_mark(ref.kind)
    lines = [
        (_label(path, t), _words(item.before.get(path)), _words(value))
        for path, value in item.after.items()
        if item.before.get(path) != value
    ]
    outcome = "will" if record.stage == "planned" and item.outcome == "changed" else item.outcome
    return ItemView(
        item.ref, title or ref.name, entity_href(item.ref), mark.icon, mark.hue, t(f"editing.bulk.outcome.{outcome}"),
        _STATUS[item.outcome], t(f"editing.bulk.way.{item.way}") if item.way and item.outcome == "changed" else "", item.message,
        lines, t(f"editing.bulk.undo.{item.undo}") if item.undo else "", _STATUS.get(item.undo or "", "unknown"), item.undo_message,
    )  # fmt: skip


def _label(path: str, t: Translator) -> str:
    id = f"editing.field.{path.rpartition('.')[2].lower()}"
    return t(id) if t.has(id) else path


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)


def records_page(records: Sequence[BulkRecord], total: int, t: Translator, *, now: datetime, start: int) -> RecordsPage:
    rows = [
        RecordRow(
            r.id, change_href(r.id), describe(r.change, t), t(f"editing.bulk.stage.{r.stage}"), _person(r.by),
            moment(r.created_at, now), r.counts.get("changed", 0),
        )
        for r in records
    ]  # fmt: skip
    last = start + len(rows)
    pager = Pager(
        start + 1 if rows else 0, last, total, f"{CHANGES}?start={max(start - RECORDS, 0)}" if start else None,
        f"{CHANGES}?start={last}" if last < total else None,
    )  # fmt: skip
    return RecordsPage(
        t("editing.bulk.changes"),
        (Crumb(t("catalog.title"), "/catalog"), Crumb(t("editing.bulk.changes"))),
        rows,
        pager,
    )
