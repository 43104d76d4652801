"""The definition tab and the comparison as pages show them: lists bounded, details inside only as far as a page bears."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Mapping, Sequence
from urllib.parse import urlencode

from markupsafe import Markup

from callboard.features.catalog.apis.changes import Change, Comparison
from callboard.features.catalog.apis.model import Api, ApiFault, Detail, Entry, Node
from callboard.features.catalog.pages.links import entity_href
from callboard.model.refs import EntityRef
from callboard.ui.markdown import render_markdown
from callboard.ui.messages import Translator
from callboard.ui.parts import Crumb, EntityLink, Pager, Tab

PAGE: Final = 150
INLINE_LENGTH: Final = 60_000
"""Characters of a definition whose list may show details inside its rows."""
INLINE_NODES: Final = 200
"""Fields that a list may show inside its rows; the rows after that ask for theirs when they are opened."""
EXCERPT: Final = 3
"""Lines shown before and after the one that is wrong."""
_SUMMARY: Final = 300


@dataclass(frozen=True, slots=True)
class ApiState:
    """What the address asks for. ``item``: the id of one entry; ``show``: the list."""

    show: Literal["operations", "types"] = "operations"
    q: str = ""
    page: int = 1
    item: str = ""
    is_text: bool = False

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> ApiState:
        """Never fails: what makes no sense is as if it were not there."""
        page = query.get("page", "")
        return cls(
            show="types" if query.get("show") == "types" else "operations",
            q=query.get("q", "").strip()[:200],
            page=max(1, int(page)) if page.isdecimal() and len(page) < 6 else 1,
            item=query.get("item", "")[:120],
            is_text=query.get("view") == "text",
        )

    def query(self, **changed: Any) -> str:
        state = replace(self, **{"page": 1, "item": "", **changed})
        given = {"show": state.show if state.show == "types" else "", "q": state.q, "page": state.page if state.page > 1 else "",
                 "item": state.item, "view": "text" if state.is_text else ""}  # fmt: skip
        found = urlencode({name: value for name, value in given.items() if value})
        return f"?{found}" if found else "?"


@dataclass(frozen=True, slots=True)
class DetailView:
    """A detail with its description as HTML; ``hrefs`` lead from ids of entries to where they are shown."""

    detail: Detail
    description: Markup | None
    hrefs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """An entry of the list. ``detail`` None: asked for at ``part_href`` when it is opened; ``href`` shows it alone."""

    entry: Entry
    href: str
    part_href: str
    detail: DetailView | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class FaultView:
    """``lines``: (number, text, whether it is the one that is wrong)."""

    fault: ApiFault
    place: str
    lines: Sequence[tuple[int, str, bool]] = ()


@dataclass(frozen=True, slots=True)
class ApiView:
    """What the definition tab shows of an API that could be read; of one that could not, only ``faults``."""

    base: str
    raw_href: str
    compare_href: str
    text_href: str
    state: ApiState
    faults: Sequence[FaultView] = ()
    api: Api | None = None
    description: Markup | None = None
    tabs: Sequence[Tab] = ()
    groups: Sequence[tuple[str, str, Sequence[Row]]] = ()
    count: int = 0
    pager: Pager | None = None
    item: Row | None = None


def api_view(found: Api | ApiFault, text: str, ref: EntityRef, state: ApiState, t: Translator) -> ApiView:
    base = entity_href(ref, "definition")
    view = ApiView(
        base, base + "/raw", entity_href(ref, "definition/compare"), base + state.query(is_text=True), state,
    )  # fmt: skip
    if isinstance(found, ApiFault):
        return replace(view, faults=[fault_view(found, text, t)])
    view = replace(view, api=found, faults=[fault_view(fault, text, t) for fault in found.faults])
    if state.item and (entry := found.find(state.item)) is not None:
        detail = detail_view(entry, base)
        return replace(view, item=Row(entry, base + state.query(item=entry.id), "", detail, is_open=True))
    return _with_list(view, found, state, len(text), t)


def _with_list(view: ApiView, api: Api, state: ApiState, length: int, t: Translator) -> ApiView:
    base, wanted = view.base, state.q.lower().split()
    lists = {"operations": api.operations, "types": api.types}
    if not api.operations and api.types and state.show == "operations":
        state = replace(state, show="types")
    found = {key: [e for e in entries if _matches(e, wanted)] for key, entries in lists.items()}
    rows = found[state.show]
    start = min((state.page - 1) * PAGE, max(0, (len(rows) - 1) // PAGE * PAGE))
    shown = rows[start : start + PAGE]
    left = INLINE_NODES if len(shown) <= 40 and length <= INLINE_LENGTH else 0
    groups: dict[str, list[Row]] = {}
    for entry in shown:
        detail = None
        if left > 0:
            made = entry.detail()
            size = sum(_size(node) for part in made.parts for node in part.nodes) + 4 * len(made.parts)
            left -= size
            if left >= 0:
                detail = _view_of(made, base, entry.summary)
        row = Row(entry, base + state.query(item=entry.id), f"{base}/part?item={entry.id}", detail)
        groups.setdefault(entry.group, []).append(row)
    number = start // PAGE + 1
    pager = None
    if len(rows) > PAGE:
        pager = Pager(
            start + 1, start + len(shown), len(rows),
            base + state.query(page=number - 1) if start else None,
            base + state.query(page=number + 1) if start + PAGE < len(rows) else None,
        )  # fmt: skip
    return replace(
        view,
        state=state,
        description=render_markdown(api.description) if api.description and not state.q and start == 0 else None,
        tabs=[
            Tab(key, t(f"apis.show.{key}"), base + state.query(show=key), key == state.show, len(found[key]))
            for key in lists
            if lists[key]
        ],
        groups=[(group, api.groups.get(group, ""), rows) for group, rows in groups.items()],
        count=len(rows),
        pager=pager,
    )


def _matches(entry: Entry, wanted: Sequence[str]) -> bool:
    if not wanted:
        return True
    told = f"{entry.badge} {entry.name} {entry.summary} {entry.group}".lower()
    return all(word in told for word in wanted)


def _size(node: Node) -> int:
    return 1 + sum(_size(child) for child in node.children)


def detail_view(entry: Entry, base: str) -> DetailView:
    return _view_of(entry.detail(), base, entry.summary)


def _view_of(detail: Detail, base: str, summary: str) -> DetailView:
    links: dict[str, str] = {}
    todo: list[Node] = [node for part in detail.parts for node in (Node("", link=part.link), *part.nodes)]
    while todo:
        node = todo.pop()
        todo += node.children
        if node.link:
            links[node.link] = f"{base}?{urlencode({'item': node.link})}"
    told = "" if detail.description == summary else detail.description
    return DetailView(detail, render_markdown(told) if told else None, links)


def fault_view(fault: ApiFault, text: str, t: Translator) -> FaultView:
    """With the lines around, where the place is known."""
    if fault.line is None:
        return FaultView(fault, "")
    lines = text.split("\n") if len(text) < 2_000_000 else []
    low, high = max(0, fault.line - 1 - EXCERPT), fault.line + EXCERPT
    shown = [(n, line[:_SUMMARY], n == fault.line) for n, line in enumerate(lines[low:high], low + 1)]
    return FaultView(fault, t("apis.place", line=str(fault.line), column=str(fault.column or 1)), shown)


# ---- comparing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChangeView:
    """``what`` happened and ``why`` it matters, in words."""

    change: Change
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class ComparePage:
    """``catalog/compare.html``. ``versions`` are (id, title) to choose from; ``sides`` what was compared, older first."""

    title: str
    crumbs: Sequence[Crumb]
    action: str
    back_href: str
    versions: Sequence[tuple[str, str]]
    with_: str = ""
    other: str = ""
    at: str = ""
    is_swapped: bool = False
    error: str | None = None
    sides: Sequence[tuple[EntityLink, str]] = ()
    comparison: Comparison | None = None
    counts: Sequence[tuple[str, int]] = ()
    subjects: Sequence[tuple[str, str, Sequence[ChangeView]]] = ()
    json_href: str | None = None
    level: str = ""
    level_hrefs: Sequence[Tab] = ()


def change_view(change: Change, t: Translator) -> ChangeView:
    given = {"place": change.place, "before": change.before, "after": change.after}
    why = f"apis.why.{change.rule}"
    return ChangeView(change, t(f"apis.rule.{change.rule}", **given), t(why) if t.has(why) else "")


def subjects_of(comparison: Comparison, level: str, t: Translator) -> list[tuple[str, str, Sequence[ChangeView]]]:
    """(subject, its gravest level, its changes): one block for each operation or type, gravest first."""
    found: dict[str, list[Change]] = {}
    for change in comparison.changes:
        if level in ("", change.level):
            found.setdefault(change.subject, []).append(change)
    return [
        (subject or t("apis.whole"), changes[0].level, [change_view(change, t) for change in changes])
        for subject, changes in found.items()
    ]
