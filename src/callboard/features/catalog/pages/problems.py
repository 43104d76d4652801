"""The problems page: what is to be mended, by file, so that the owner of a file finds all of it in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Collection, Final, Literal, Mapping, Sequence
from urllib.parse import urlencode

from callboard.features.catalog.pages.findings import FindingView, cause_title, entity_of, finding_view
from callboard.features.catalog.pages.links import distinct_titles, link_to, links_of, safe_href, short_file, why_href
from callboard.features.catalog.problems import ProblemFile, ProblemFilter, ProblemList
from callboard.ui.messages import Translator
from callboard.ui.parts import Crumb, EntityLink, Facet, FacetOption, LinkItem, Pager, Status, Tab

PATH: Final = "/catalog/problems"
FILES_PAGE: Final = 20
SHOWN_OF_FILE: Final = 4
MAX_OF_FILE: Final = 25
SHOWN_OPTIONS: Final = 8
MAX_OPTIONS: Final = 60


@dataclass(frozen=True, slots=True)
class ProblemsState:
    """What the address of the page says. ``page`` counts from 1; ``is_mine`` stands for the owners that one is."""

    severity: Literal["error", "warning"] | None = None
    causes: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    q: str = ""
    is_mine: bool = False
    page: int = 1

    @classmethod
    def parse(cls, params: Any) -> ProblemsState:
        """Read query parameters (a multi-dict). What it does not understand is left out."""

        def values(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(v.strip().lower() for v in params.getlist(name) if v.strip()))[:50]

        severity, page = params.get("severity"), params.get("page", "")
        return cls(
            severity=severity if severity in ("error", "warning") else None,
            causes=values("cause"),
            owners=values("owner"),
            q=params.get("q", "").strip()[:200],
            is_mine=params.get("mine") == "1",
            page=max(1, int(page)) if page.isdecimal() and len(page) < 6 else 1,
        )

    @property
    def is_filtered(self) -> bool:
        return bool(self.severity or self.causes or self.owners or self.q or self.is_mine)

    def params(self) -> list[tuple[str, str]]:
        out = [("severity", str(self.severity))] if self.severity else []
        out += [("cause", cause) for cause in self.causes] + [("owner", owner) for owner in self.owners]
        out += [("q", self.q)] if self.q else []
        out += [("mine", "1")] if self.is_mine else []
        return out + ([("page", str(self.page))] if self.page > 1 else [])

    def href(self, **changes: Any) -> str:
        """The address after ``changes``; any change but of the page leads to the first one."""
        params = replace(self, **{"page": 1, **changes}).params()
        return PATH + ("?" + urlencode(params) if params else "")

    def toggled(self, name: Literal["causes", "owners"], value: str) -> str:
        now: tuple[str, ...] = getattr(self, name)
        then = tuple(v for v in now if v != value)
        return self.href(**{name: then if len(then) < len(now) else (*now, value)})

    def wanted(self, own: Collection[str]) -> ProblemFilter:
        """The filter that it stands for. Mine and an owner: those of mine that are named, else all that are mine."""
        owners = self.owners
        if self.is_mine:
            owners = tuple(o for o in self.owners if o in own) or tuple(sorted(own))
        return ProblemFilter(self.severity, self.causes, owners, self.q)


@dataclass(frozen=True, slots=True)
class ProblemFileView:
    """A file with its problems. ``findings`` are in sight, ``folded`` behind a press; ``unlisted`` are on the page ``why_href``."""

    title: str
    file: str
    href: str | None
    why_href: str | None
    status: Status
    owners: Sequence[EntityLink]
    count: int
    findings: Sequence[FindingView]
    folded: Sequence[FindingView]
    unlisted: int


@dataclass(frozen=True, slots=True)
class ProblemsPage:
    """``catalog/problems.html``. ``choices`` are the severities and, for those who own things, mine and not."""

    title: str
    crumbs: Sequence[Crumb]
    count: int
    file_count: int
    state: ProblemsState
    choices: Sequence[Tab]
    facets: Sequence[Facet]
    chosen: Sequence[LinkItem]
    hidden: Sequence[tuple[str, str]]
    files: Sequence[ProblemFileView]
    pager: Pager
    is_cut: bool
    clear_href: str


def named_in(found: ProblemList) -> list[str]:
    """Refs whose documents the page needs: entities of the findings, owners of the files and of the facet."""
    refs = [p.finding.entity_ref.lower() for file in found.files for p in file.problems if p.finding.entity_ref]
    refs += [p.subject_ref for file in found.files for p in file.problems if p.subject_ref]
    refs += [owner for file in found.files for owner in file.owners[:3]] + list(found.owners)[:MAX_OPTIONS]
    return list(dict.fromkeys(refs))


def file_view(file: ProblemFile, known: Mapping[str, Any], now: datetime, t: Translator) -> ProblemFileView:
    views = [finding_view(p.finding, now, t, entity_of(p.finding, known), in_file=file.file) for p in file.problems]
    # one more behind a press would take as much room as that one
    shown = len(views) if len(views) <= SHOWN_OF_FILE + 1 else SHOWN_OF_FILE
    return ProblemFileView(
        title=short_file(file.file) if file.file else t("catalog.problems.no_file"),
        file=file.file,
        href=safe_href(file.file),
        why_href=why_href(file.file) if file.file else None,
        status="bad" if file.errors else "warn",
        owners=links_of(file.owners[:3], known),
        count=file.count,
        findings=views[:shown],
        folded=views[shown:],
        unlisted=file.count - len(views),
    )


def _facet(
    name: str,
    counts: Mapping[str, int],
    selected: Sequence[str],
    titles: Mapping[str, str],
    state: ProblemsState,
    t: Translator,
) -> Facet | None:
    field: Literal["causes", "owners"] = "causes" if name == "cause" else "owners"
    counted = {**{value: 0 for value in selected}, **counts}
    if not counted:
        return None
    ordered = sorted(
        counted.items(), key=lambda item: (item[0] not in selected, -item[1], titles.get(item[0], item[0]))
    )
    options = [
        FacetOption(
            titles.get(value, value),
            n,
            state.toggled(field, value),
            value in selected,
            value if name == "owner" else None,
        )
        for value, n in ordered[:MAX_OPTIONS]
    ]
    shown = SHOWN_OPTIONS + 1 if len(options) == SHOWN_OPTIONS + 1 else max(SHOWN_OPTIONS, len(selected))
    unlisted = max(0, len(ordered) - MAX_OPTIONS)
    return Facet(name, t(f"catalog.facet.{name}"), options[:shown], options[shown:], unlisted)


def problems_page(
    found: ProblemList, state: ProblemsState, *, known: Mapping[str, Any], may_own: bool, now: datetime, t: Translator
) -> ProblemsPage:
    severities = found.severities
    choices = [
        Tab("all", t("catalog.problems.all"), state.href(severity=None), state.severity is None, sum(severities.values())),
        Tab(
            "error", t("catalog.problems.errors"), state.href(severity="error"), state.severity == "error",
            severities.get("error", 0),
        ),
        Tab(
            "warning", t("catalog.problems.warnings"), state.href(severity="warning"), state.severity == "warning",
            severities.get("warning", 0),
        ),
    ]  # fmt: skip
    if may_own:
        mine = state.href(is_mine=not state.is_mine)
        choices.append(Tab("mine", t("catalog.problems.mine"), mine, state.is_mine, found.own_total))
    causes = {stage: cause_title(stage, t) for stage in [*found.stages, *state.causes]}
    owners = distinct_titles([*found.owners, *state.owners], known)
    facets = [
        _facet("cause", found.stages, state.causes, causes, state, t),
        _facet("owner", found.owners, state.owners, owners, state, t),
    ]
    chosen = [LinkItem(state.q, state.href(q=""), type="q")] if state.q else []
    chosen += [LinkItem(causes[c], state.toggled("causes", c), type="cause") for c in state.causes]
    chosen += [LinkItem(owners[o], state.toggled("owners", o), type="owner") for o in state.owners]
    before = (state.page - 1) * FILES_PAGE
    last = before + len(found.files)
    return ProblemsPage(
        title=t("catalog.problems.title"),
        crumbs=(Crumb(t("catalog.title"), "/catalog"), Crumb(t("catalog.problems.title"))),
        count=found.total,
        file_count=found.file_total,
        state=state,
        choices=choices,
        facets=[facet for facet in facets if facet is not None],
        chosen=chosen,
        hidden=[(n, v) for n, v in replace(state, page=1).params() if n != "q"],
        files=[file_view(file, known, now, t) for file in found.files],
        pager=Pager(
            first=before + 1 if found.files else 0,
            last=last if found.files else 0,
            total=found.file_total,
            previous_href=state.href(page=state.page - 1) if state.page > 1 else None,
            next_href=state.href(page=state.page + 1) if found.files and last < found.file_total else None,
        ),
        is_cut=found.is_cut,
        clear_href=replace(ProblemsState(), is_mine=state.is_mine).href(),
    )


def near_links(refs: Sequence[str]) -> list[tuple[str, str]]:
    """Suggestions of a not-found page: (ref, address)."""
    return [(ref, link_to(ref, None, known=False).href) for ref in refs]
