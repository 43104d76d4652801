"""Findings as pages show them, the list of all of them, and the answer to "what happened to this file?"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence
from urllib.parse import urlencode

from callboard.features.catalog.interface import Finding, Why, WhyStep, WhySubject
from callboard.features.catalog.pages.links import entity_href, link_to, safe_href, why_href
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Crumb, EntityLink, Pager, Status, Tab


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding. ``place`` is ``file:line:column`` as far as known, with the file cut to its end; ``file`` is whole."""

    status: Status
    stage: str
    message: str
    place: str | None
    file: str | None
    file_href: str | None
    field: str | None
    fix: str | None
    since: Moment | None
    entity: EntityLink | None
    why_href: str | None


def finding_view(finding: Finding, now: datetime | None, entity: EntityLink | None = None) -> FindingView:
    place = None
    if finding.file:
        short = finding.file.rstrip("/").rsplit("/", 1)[-1] or finding.file
        place = ":".join(str(p) for p in (short, finding.line, finding.column) if p)
    href = safe_href(finding.file)
    if href and finding.line and "#" not in href:
        href += f"#L{finding.line}"
    asked = finding.file or finding.entity_ref
    return FindingView(
        status="bad" if finding.severity == "error" else "warn",
        stage=finding.stage,
        message=finding.message,
        place=place,
        file=finding.file,
        file_href=href,
        field=finding.field,
        fix=finding.fix,
        since=moment(finding.since, now) if finding.since and now else None,
        entity=entity,
        why_href=why_href(asked) if asked else None,
    )


@dataclass(frozen=True, slots=True)
class ProblemsPage:
    """``catalog/problems.html``: a page of findings, those of one severity or of what is one's own if so chosen."""

    title: str
    crumbs: Sequence[Crumb]
    count: int
    choices: Sequence[Tab]
    findings: Sequence[FindingView]
    pager: Pager
    is_filtered: bool


def problems_page(
    findings: Sequence[Finding],
    total: int,
    *,
    known: Mapping[str, Any],
    severity: str | None,
    mine: bool,
    may_be_mine: bool,
    offset: int,
    limit: int,
    now: datetime,
    t: Translator,
) -> ProblemsPage:
    def href(**params: Any) -> str:
        kept = {k: v for k, v in params.items() if v}
        return "/catalog/problems" + ("?" + urlencode(kept) if kept else "")

    choices = [
        Tab("all", t("catalog.problems.all"), href(mine=mine and 1), severity is None),
        Tab("error", t("catalog.problems.errors"), href(severity="error", mine=mine and 1), severity == "error"),
        Tab(
            "warning", t("catalog.problems.warnings"), href(severity="warning", mine=mine and 1), severity == "warning"
        ),
    ]
    if may_be_mine:
        choices.append(Tab("mine", t("catalog.problems.mine"), href(severity=severity, mine=not mine and 1), mine))
    views = []
    for finding in findings:
        ref = finding.entity_ref.lower() if finding.entity_ref else None
        entity = link_to(ref, known.get(ref), known=False) if ref else None
        views.append(finding_view(finding, now, entity))
    here = {"severity": severity, "mine": mine and 1}
    pager = Pager(
        first=offset + 1 if findings else 0,
        last=offset + len(findings),
        total=total,
        previous_href=href(**here, offset=max(0, offset - limit)) if offset else None,
        next_href=href(**here, offset=offset + limit) if offset + len(findings) < total and findings else None,
    )
    return ProblemsPage(
        title=t("catalog.problems.title"),
        crumbs=(Crumb(t("catalog.title"), "/catalog"), Crumb(t("catalog.problems.title"))),
        count=total,
        choices=choices,
        findings=views,
        pager=pager,
        is_filtered=bool(severity or mine),
    )


@dataclass(frozen=True, slots=True)
class StepView:
    """A step with its state: ok, failed, skipped, waiting or unknown (the name of its icon and message)."""

    name: str
    state: str
    status: Status
    icon: str
    detail: str
    at: Moment | None
    findings: Sequence[FindingView]


@dataclass(frozen=True, slots=True)
class SubjectView:
    """A document or source: how far it came. ``outcome`` is ok, failed or waiting."""

    title: str
    link: EntityLink | None
    location: str | None
    location_href: str | None
    steps: Sequence[StepView]
    outcome: str


@dataclass(frozen=True, slots=True)
class WhyPage:
    """``catalog/why.html``. ``subjects`` None: nothing was asked yet; empty: nobody named it."""

    title: str
    crumbs: Sequence[Crumb]
    asked: str
    subjects: Sequence[SubjectView] | None
    suggestions: Sequence[tuple[str, str]]
    recent: Sequence[FindingView] = ()


_STEP_LOOK: Mapping[str, tuple[Status, str]] = {
    "ok": ("ok", "ok"),
    "failed": ("bad", "bad"),
    "skipped": ("unknown", "skipped"),
    "waiting": ("info", "waiting"),
    "unknown": ("unknown", "unknown"),
}


def _step(step: WhyStep, now: datetime) -> StepView:
    status, icon = _STEP_LOOK[step.state]
    findings = [finding_view(f, now) for f in step.findings]
    return StepView(
        step.name, step.state, status, icon, step.detail, moment(step.at, now) if step.at else None, findings
    )


def _subject(subject: WhySubject, now: datetime) -> SubjectView:
    states = {step.state for step in subject.steps}
    outcome = "failed" if "failed" in states else "waiting" if states & {"waiting", "unknown"} else "ok"
    arrived = subject.ref is not None and any(s.name == "stitched" and s.state == "ok" for s in subject.steps)
    location = subject.location
    return SubjectView(
        title=subject.title,
        link=link_to(subject.ref, None, known=False) if subject.ref and arrived else None,
        location=location,
        location_href=safe_href(location.split(":", 1)[1] if location and location.startswith("url:") else location),
        steps=[_step(s, now) for s in subject.steps],
        outcome=outcome,
    )


def why_page(asked: str, answer: Why | None, recent: Sequence[Finding], now: datetime, t: Translator) -> WhyPage:
    suggestions = []
    for suggestion in answer.suggestions if answer else ():
        suggestions.append((suggestion, why_href(suggestion)))
    return WhyPage(
        title=t("catalog.why.title"),
        crumbs=(Crumb(t("catalog.title"), "/catalog"), Crumb(t("catalog.why.title"))),
        asked=asked,
        subjects=[_subject(s, now) for s in answer.subjects] if answer else None,
        suggestions=suggestions,
        recent=[finding_view(f, now) for f in recent],
    )


def near_links(refs: Sequence[str]) -> list[tuple[str, str]]:
    """Suggestions of a not-found page: (ref, address)."""
    return [(ref, entity_href(ref)) for ref in refs]
