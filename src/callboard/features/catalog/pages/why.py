"""The answer to "what happened to this file?": each document with the step at which it stands, the stopped ones first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Mapping, Sequence

from callboard.features.catalog.interface import Finding, Why, WhyStep, WhySubject
from callboard.features.catalog.pages.findings import FindingView, finding_view, shorten
from callboard.features.catalog.pages.links import bare_location, link_to, safe_href, why_href
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Crumb, EntityLink, Status

MAX_STOPPED = 40
MAX_GOOD = 100


@dataclass(frozen=True, slots=True)
class StepView:
    """A step with its state: ok, failed, skipped, waiting or unknown (the name of its icon and message)."""

    name: str
    state: str
    status: Status
    icon: str
    detail: str | None
    at: Moment | None
    findings: Sequence[FindingView]


@dataclass(frozen=True, slots=True)
class SubjectView:
    """A document or file: how far it came. ``outcome`` is ok, partly, failed or waiting; ``stopped_at`` the step it did not pass.

    ``problems`` are the findings of all its steps; ``file_why_href`` asks the same of the whole file.
    """

    title: str
    link: EntityLink | None
    location: str | None
    location_href: str | None
    steps: Sequence[StepView]
    outcome: str
    stopped_at: str | None
    problems: Sequence[FindingView]
    file_why_href: str | None


@dataclass(frozen=True, slots=True)
class WhyPage:
    """``catalog/why.html``. ``is_answered`` False: nothing was asked yet.

    Of a ref, ``subjects`` are the documents that claim it. Of a file they are the file itself, and its documents are in
    ``stopped`` (those that something is wrong with) and ``good``; ``unlisted`` of them are not shown.
    """

    title: str
    crumbs: Sequence[Crumb]
    asked: str
    is_answered: bool
    subjects: Sequence[SubjectView]
    stopped: Sequence[SubjectView]
    good: Sequence[EntityLink]
    stopped_count: int
    good_count: int
    unlisted: int
    suggestions: Sequence[tuple[str, str]]
    recent: Sequence[FindingView] = ()


_STEP_LOOK: Mapping[str, tuple[Status, str]] = {
    "ok": ("ok", "ok"),
    "failed": ("bad", "bad"),
    "skipped": ("unknown", "skipped"),
    "waiting": ("info", "waiting"),
    "unknown": ("unknown", "unknown"),
}


def _step(step: WhyStep, now: datetime, t: Translator, file: str | None) -> StepView:
    status, icon = _STEP_LOOK[step.state]
    findings = [finding_view(f, now, t, in_file=file) for f in step.findings]
    said = {f.message for f in step.findings}
    detail = None if step.state == "skipped" or step.detail in said else shorten(step.detail, t)
    if detail is not None and any(detail == finding.message for finding in findings):
        detail = None
    return StepView(step.name, step.state, status, icon, detail, moment(step.at, now) if step.at else None, findings)


def _outcome(subject: WhySubject) -> str:
    states = {step.state for step in subject.steps}
    return "failed" if "failed" in states else "waiting" if states & {"waiting", "unknown"} else "ok"


def _link(subject: WhySubject) -> EntityLink | None:
    arrived = subject.ref is not None and any(s.name == "stitched" and s.state == "ok" for s in subject.steps)
    return link_to(subject.ref, None, known=False) if subject.ref and arrived else None


def _subject(subject: WhySubject, now: datetime, t: Translator) -> SubjectView:
    location = bare_location(subject.location) if subject.location else None
    steps = [_step(s, now, t, location) for s in subject.steps]
    return SubjectView(
        title=subject.title,
        link=_link(subject),
        location=location,
        location_href=safe_href(location),
        steps=steps,
        outcome=_outcome(subject),
        stopped_at=subject.stopped_at,
        problems=[finding for step in steps for finding in step.findings],
        file_why_href=why_href(location) if subject.ref and location else None,
    )


def _file(subject: WhySubject, stopped: int, good: int, now: datetime, t: Translator) -> SubjectView:
    """A file is not through while documents in it are not."""
    view = _subject(subject, now, t)
    if view.outcome != "ok" or not stopped:
        return view
    return replace(view, outcome="partly" if good else "failed")


def why_page(asked: str, answer: Why | None, recent: Sequence[Finding], now: datetime, t: Translator) -> WhyPage:
    subjects = list(answer.subjects) if answer else []
    stopped: list[WhySubject] = []
    good: list[WhySubject] = []
    if answer is not None and answer.kind == "location":
        for subject in subjects:
            if subject.ref is not None:
                clean = _outcome(subject) == "ok" and not any(step.findings for step in subject.steps)
                (good if clean else stopped).append(subject)
        subjects = [subject for subject in subjects if subject.ref is None]
    links = [link_to(str(subject.ref), None, known=False) for subject in good[:MAX_GOOD]]
    return WhyPage(
        title=t("catalog.why.title"),
        crumbs=(Crumb(t("catalog.title"), "/catalog"), Crumb(t("catalog.why.ask"))),
        asked=asked,
        is_answered=answer is not None,
        subjects=[_file(subject, len(stopped), len(good), now, t) for subject in subjects],
        stopped=[_subject(subject, now, t) for subject in stopped[:MAX_STOPPED]],
        good=links,
        stopped_count=len(stopped),
        good_count=len(good),
        unlisted=max(0, len(stopped) - MAX_STOPPED) + max(0, len(good) - MAX_GOOD),
        suggestions=[(suggestion, why_href(suggestion)) for suggestion in (answer.suggestions if answer else ())],
        recent=[finding_view(f, now, t) for f in recent],
    )
