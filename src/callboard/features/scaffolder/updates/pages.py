"""What the templates of updates may see."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence
from urllib.parse import quote

from callboard.features.catalog.interface.links import link_to
from callboard.features.scaffolder.updates.interface import Fleet, Made, Preview
from callboard.features.scaffolder.updates.merging import FileChange
from callboard.features.scaffolder.updates.trees import Node
from callboard.features.scaffolder.updates.versions import short
from callboard.model.refs import EntityRef
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Banner, Crumb, EntityLink, Pager, Status, Tab

Known = Mapping[str, Mapping[str, Any]]
PAGE = 50
MAX_DIFFS = 60
MAX_DIFF_BYTES = 64 * 1024
MAX_DIFF_LINES = 400
_STATUS: Mapping[str, Status] = {
    "clash": "bad", "merged": "ok", "follows": "ok", "added": "ok", "removed": "warn", "removed_here": "unknown", "kept_local": "unknown",
    "unchanged": "unknown",
}  # fmt: skip
_ORDER = ("clash", "merged", "follows", "added", "removed", "kept_local", "removed_here", "unchanged")


@dataclass(frozen=True, slots=True)
class MadeView:
    """A row or card: what was made, and how far it is behind. ``opened_href`` None: the host has no page for it."""

    entity: EntityLink
    template: EntityLink
    state: str
    status: Status
    made_at: Moment
    made_by: EntityLink | None
    update_href: str
    update_label: str
    opened: str | None
    opened_href: str | None


@dataclass(frozen=True, slots=True)
class FleetPage:
    """``updates/fleet.html``, and the tab of templates."""

    title: str
    crumbs: Sequence[Crumb]
    rows: Sequence[MadeView]
    total: int
    behind: int
    summary: str
    newest: str | None
    seen_at: Moment | None
    tabs: Sequence[Tab]
    pager: Pager | None
    look_action: str
    empty: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class DiffRow:
    """A line of a comparison. ``kind`` is ``same``, ``theirs`` (goes), ``mine`` (comes) or ``gap``."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class FileView:
    """A file that changes or deserves a look. ``diff`` None: it cannot be shown; empty: nothing in it changes."""

    path: str
    outcome: str
    status: Status
    notes: Sequence[str]
    diff: Sequence[DiffRow] | None
    label: str


@dataclass(frozen=True, slots=True)
class UpdatePage:
    """``updates/update.html``. ``action`` None: the reader may not open it, or there is nothing to open.

    ``place``: the form asks for the address of the files, and suggests this one.
    """

    title: str
    crumbs: Sequence[Crumb]
    made: MadeView
    banners: Sequence[Banner]
    counts: Sequence[tuple[str, int, Status]]
    files: Sequence[FileView]
    more: int
    is_empty: bool
    action: str | None
    may_open: bool
    mark: str
    branch: str
    answers: Sequence[tuple[str, str]]
    questions: Sequence[str]
    place: str | None = None


def entity_href(ref: str, *more: str) -> str:
    found = EntityRef.parse(ref)
    parts = (found.namespace, found.kind.lower(), found.name, *more)
    return "/catalog/" + "/".join(quote(part, safe="") for part in parts)


def fleet_href(ref: str) -> str:
    return entity_href(ref, "made")


def refs_of(items: Sequence[Made]) -> set[str]:
    """What views of them name, lower-cased, to look up."""
    named = [ref for made in items for ref in (made.entity_ref, made.template_ref, made.made_by)]
    return {ref.lower() for ref in named if ref}


def made_view(made: Made, known: Known, t: Translator, now: datetime) -> MadeView:
    """``known`` are the documents of what is named, by lower-cased ref, as far as the reader may see them."""
    if made.behind is None:
        state, status = t("scaffolder.update.unknown"), "unknown"
    elif made.behind:
        state, status = t("scaffolder.update.behind", n=made.behind), "warn"
    else:
        state, status = t("scaffolder.update.current"), "ok"
    opened = opened_href = None
    if made.opened is not None:
        opened_href = made.opened.url or None
        branch = made.opened.branch
        opened = (
            t("scaffolder.update.requested", branch=branch)
            if opened_href
            else t("scaffolder.update.opened", branch=branch)
        )
    label = t("scaffolder.update.see") if made.behind else t("scaffolder.update.look")
    return MadeView(
        _link(made.entity_ref, known), _link(made.template_ref, known), state, status,  # type: ignore[arg-type]
        moment(datetime.fromisoformat(made.made_at), now), _link(made.made_by, known) if made.made_by else None,
        entity_href(made.entity_ref, "template-update"), label, opened, opened_href,
    )  # fmt: skip


def _link(ref: str, known: Known) -> EntityLink:
    return link_to(ref, known.get(ref.lower()))


def fleet_page(fleet: Fleet, known: Known, t: Translator, now: datetime, *, only_behind: bool, start: int) -> FleetPage:
    href = fleet_href(fleet.template_ref)
    name = _link(fleet.template_ref, known).title
    count = fleet.behind if only_behind else fleet.total
    pager = None
    if count > PAGE:
        query = "&only=behind" if only_behind else ""
        pager = Pager(
            start + 1, min(start + PAGE, count), count,
            f"{href}?start={max(start - PAGE, 0)}{query}" if start else None,
            f"{href}?start={start + PAGE}{query}" if start + PAGE < count else None,
        )  # fmt: skip
    empty = None
    if only_behind and fleet.total and not count:
        empty = (t("scaffolder.update.none_behind"), t("scaffolder.update.none_behind_means"))
    elif not count:
        empty = (t("scaffolder.update.nothing_made"), t("scaffolder.update.nothing_made_means"))
    return FleetPage(
        t("scaffolder.update.fleet", name=name),
        [Crumb(name, entity_href(fleet.template_ref)), Crumb(t("scaffolder.update.crumb"))],
        [made_view(made, known, t, now) for made in fleet.items],
        fleet.total,
        fleet.behind,
        t("scaffolder.update.summary", n=fleet.total, behind=fleet.behind) if fleet.total else "",
        short(fleet.newest) or None,
        moment(datetime.fromisoformat(fleet.seen_at), now) if fleet.seen_at else None,
        [
            Tab("all", t("scaffolder.update.all"), href, not only_behind, fleet.total),
            Tab("behind", t("scaffolder.update.only_behind"), f"{href}?only=behind", only_behind, fleet.behind),
        ],
        pager,
        href,
        empty,
    )


def update_page(
    preview: Preview,
    known: Known,
    t: Translator,
    now: datetime,
    *,
    may_open: bool,
    answers: Mapping[str, str],
    banners: Sequence[Banner] = (),
) -> UpdatePage:
    update, made = preview.update, preview.made
    told = list(banners)
    clashes = len(update.trees.clashes)
    if clashes:
        told.append(Banner("warn", t("scaffolder.update.clashes", n=clashes), [t("scaffolder.update.clashes_means")]))
    if update.unknown_steps:
        steps = ", ".join(update.unknown_steps)
        told.append(
            Banner(
                "info", t("scaffolder.update.unknown_steps"), [t("scaffolder.update.unknown_steps_means", steps=steps)]
            )
        )
    shown = [change for change in update.trees.changes if _is_shown(change, preview)]
    shown.sort(key=lambda change: (_ORDER.index(change.outcome), change.path))
    counts = update.trees.count()
    is_empty = update.trees.is_empty
    return UpdatePage(
        t("scaffolder.update.title", name=_link(made.entity_ref, known).title),
        _crumbs(made.entity_ref, known, t),
        made_view(made, known, t, now),
        told,
        [(t(f"scaffolder.update.outcome.{name}"), counts[name], _STATUS[name]) for name in _ORDER if name in counts],
        [_file_view(change, preview, t) for change in shown[:MAX_DIFFS]],
        max(len(shown) - MAX_DIFFS, 0),
        is_empty,
        entity_href(made.entity_ref, "template-update") if may_open and not is_empty else None,
        may_open,
        preview.mark,
        f"template-update-{short(update.record.version)}",
        sorted(answers.items()),
        (),
    )


def refused_page(
    made: Made,
    known: Known,
    t: Translator,
    now: datetime,
    banner: Banner,
    *,
    questions: Sequence[str] = (),
    place: str | None = None,
    answers: Mapping[str, str],
) -> UpdatePage:
    """What keeps the update from being made; with ``questions`` or ``place``, a form to answer them."""
    return UpdatePage(
        t("scaffolder.update.title", name=_link(made.entity_ref, known).title), _crumbs(made.entity_ref, known, t), made_view(made, known, t, now),
        [banner], (), (), 0, False, None, True, "", "", sorted(answers.items()), questions, place,
    )  # fmt: skip


def _crumbs(ref: str, known: Known, t: Translator) -> list[Crumb]:
    return [Crumb(_link(ref, known).title, entity_href(ref)), Crumb(t("scaffolder.update.update"))]


def _is_shown(change: FileChange, preview: Preview) -> bool:
    return change.wants_a_look or change.outcome in ("follows", "merged", "added", "removed")


def _file_view(change: FileChange, preview: Preview, t: Translator) -> FileView:
    trees = preview.update.trees
    notes = [t(f"scaffolder.update.reason.{change.reason}")] if change.reason else []
    if change.was:
        notes.append(t("scaffolder.update.was", path=change.was))
    if change.aside and change.aside != change.path:
        notes.append(t("scaffolder.update.aside", path=change.aside))
    if change.mode_changed:
        notes.append(t("scaffolder.update.mode"))
    before, after = trees.ours.get(change.was or change.path), trees.tree.get(change.path)
    return FileView(
        change.path, t(f"scaffolder.update.outcome.{change.outcome}"), _STATUS[change.outcome], notes, diff_of(before, after),
        t("scaffolder.update.difference", path=change.path),
    )  # fmt: skip


def diff_of(before: Node | None, after: Node | None) -> Sequence[DiffRow] | None:
    """Line by line with three lines around; None where one of them is no text, or too large."""
    texts = [_text(node) for node in (before, after)]
    if texts[0] is None or texts[1] is None:
        return None
    old, new = texts[0].splitlines(), texts[1].splitlines()
    rows: list[DiffRow] = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(3):
        if rows or group[0][1] > 0:
            rows.append(DiffRow("gap", ""))
        for tag, a1, a2, b1, b2 in group:
            if tag == "equal":
                rows += [DiffRow("same", line) for line in old[a1:a2]]
            else:
                rows += [DiffRow("theirs", line) for line in old[a1:a2]]
                rows += [DiffRow("mine", line) for line in new[b1:b2]]
    return [*rows[:MAX_DIFF_LINES], DiffRow("gap", "")] if len(rows) > MAX_DIFF_LINES else rows


def _text(node: Node | None) -> str | None:
    if node is None:
        return ""
    if node.link is not None:
        return node.link
    if node.content is None or node.is_binary or len(node.content) > MAX_DIFF_BYTES:
        return None
    return node.content.decode("utf-8", "replace")
