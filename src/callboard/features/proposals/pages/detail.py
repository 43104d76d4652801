"""One proposal: a form of its fields with the evidence beside each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence
from urllib.parse import quote, unquote

from callboard.features.catalog.interface.links import entity_href, link_to, safe_href
from callboard.features.proposals.domain import addresses
from callboard.features.proposals.domain.documents import has_field
from callboard.features.proposals.domain.values import Evidence, RepositoryFacts
from callboard.features.proposals.interface import EDITABLE, LISTS, Proposal, ProposedField
from callboard.features.proposals.pages.listing import CONFIDENCE_STATUS, problem_of
from callboard.ui.icons import kind_mark
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Banner, Crumb, EntityLink, LinkItem, Status
from callboard.ui.wording import in_words

TARGET_STATUS: Mapping[str, Status] = {"there": "ok", "proposed": "info", "absent": "warn", "left out": "unknown"}
_REFS = frozenset(["spec.owner", "spec.system", "spec.dependsOn", "spec.providesApis", "spec.consumesApis"])


@dataclass(frozen=True, slots=True)
class Reason:
    """Evidence: ``place`` reads ``package.json:4``, ``href`` leads there where the host has pages."""

    text: str
    place: str
    href: str


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field of the form, or one that is only shown (``is_editable`` False). ``value`` is text, a list one a line."""

    path: str
    id: str
    label: str
    value: str
    is_editable: bool
    is_list: bool
    is_long: bool
    is_needed: bool
    confidence: str
    confidence_status: Status
    reasons: Sequence[Reason]
    is_edited: bool
    found: str
    targets: Sequence[tuple[EntityLink, str, Status]]
    error: str = ""
    options: str = ""


@dataclass(frozen=True, slots=True)
class DifferenceView:
    label: str
    before: str
    after: str
    reasons: Sequence[Reason]


@dataclass(frozen=True, slots=True)
class DetailPage:
    """``proposals/detail.html``. ``yaml`` is what a catalog-info.yaml would say."""

    title: str
    crumbs: Sequence[Crumb]
    id: str
    kind: str
    kind_title: str
    icon: str
    hue: int
    ref: str
    state: str
    state_title: str
    confidence: str
    confidence_status: Status
    reasons: Sequence[Reason]
    repository: str
    repository_href: str
    list_href: str
    folder: str
    found_at: Moment
    decided_at: Moment | None
    decided_by: EntityLink | None
    fields: Sequence[FieldView]
    shown: Sequence[FieldView]
    differences: Sequence[DifferenceView]
    banners: Sequence[Banner]
    entity_href: str
    can_accept: bool
    can_reopen: bool
    yaml: Any
    yaml_href: str
    options: Mapping[str, Sequence[tuple[str, str]]]


def detail_page(
    proposal: Proposal, t: Translator, *, now: Any, facts: RepositoryFacts, yaml: Any, banners: Sequence[Banner] = (),
    said: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None, options: Mapping[str, Sequence[tuple[str, str]]],
) -> DetailPage:  # fmt: skip
    """``said`` are values of a form that was refused, ``errors`` why, by path."""
    mark = kind_mark(proposal.kind)
    views = [_field(path, proposal, facts, t, said or {}, errors or {}) for path in _paths(proposal)]
    problem = problem_of(proposal, t)
    notes = list(banners)
    if problem:
        actions = (
            (LinkItem(t("proposals.open_entity"), entity_href(proposal.ref), "next"),) if proposal.is_taken else ()
        )
        if not proposal.differences:  # these are told below
            notes.append(Banner("warn", problem, (), actions))
    if proposal.missing and proposal.state == "open":
        names = ", ".join(t(f"proposals.field.{path}") for path in proposal.missing)
        notes.append(Banner("info", t("proposals.problem.missing", fields=names)))
    return DetailPage(
        title=proposal.title or proposal.name, crumbs=(Crumb(t("proposals.title"), "/proposals"), Crumb(proposal.name)), id=proposal.id,
        kind=proposal.kind, kind_title=t(f"proposals.kind.{proposal.kind}") if t.has(f"proposals.kind.{proposal.kind}") else proposal.kind,
        icon=mark.icon, hue=mark.hue, ref=proposal.ref, state=proposal.state, state_title=t(f"proposals.state.{proposal.state}"),
        confidence=t(f"proposals.confidence.{proposal.confidence}"), confidence_status=CONFIDENCE_STATUS[proposal.confidence],
        reasons=reasons_of(proposal.evidence, facts, t), repository=proposal.repository, repository_href=safe_href(proposal.repository_url) or "",
        list_href=f"/proposals?repository={quote(proposal.repository_id)}", folder=proposal.folder, found_at=moment(proposal.found_at, now),
        decided_at=moment(proposal.decided_at, now) if proposal.decided_at else None,
        decided_by=link_to(proposal.decided_by, None, known=False) if proposal.decided_by.startswith("user:") else None,
        fields=[view for view in views if view.is_editable], shown=[view for view in views if not view.is_editable and view.value],
        differences=[
            DifferenceView(_label(one.path, t), _text(one.before), _text(one.after), reasons_of(one.evidence, facts, t))
            for one in proposal.differences
        ],
        banners=notes, entity_href=entity_href(proposal.ref) if proposal.state == "accepted" and proposal.is_taken else "",
        can_accept=proposal.state == "open", can_reopen=proposal.state == "ignored" or (proposal.state == "accepted" and not proposal.is_taken),
        yaml=yaml, yaml_href=f"/proposals/catalog-info.yaml?id={proposal.id}", options=options,
    )  # fmt: skip


def _paths(proposal: Proposal) -> list[str]:
    editable = [path for path in EDITABLE if has_field(proposal.kind, path)]
    return [*editable, *(path for path in proposal.fields if path not in editable)]


def _field(
    path: str,
    proposal: Proposal,
    facts: RepositoryFacts,
    t: Translator,
    said: Mapping[str, str],
    errors: Mapping[str, str],
) -> FieldView:
    found = proposal.fields.get(path) or ProposedField(path, None, "guess", ())
    is_editable = path in EDITABLE and proposal.state != "accepted"
    return FieldView(
        path=path, id=path.replace(".", "-").replace("/", "-"), label=_label(path, t), value=said.get(path, _text(found.value)),
        is_editable=is_editable, is_list=path in LISTS, is_long=path == "metadata.description", is_needed=path in proposal.missing,
        confidence=t(f"proposals.confidence.{found.confidence}") if found.value not in (None, "", []) and not found.is_edited else "",
        confidence_status=CONFIDENCE_STATUS[found.confidence], reasons=reasons_of(found.evidence, facts, t), is_edited=found.is_edited,
        found=_text(found.found) if found.is_edited else "",
        targets=[(link_to(ref, None, known=False), t(f"proposals.target.{state.replace(' ', '_')}"), TARGET_STATUS[state]) for ref, state in found.targets],
        error=errors.get(path, ""), options={"spec.owner": "owners", "spec.system": "systems"}.get(path, ""),
    )  # fmt: skip


def _label(path: str, t: Translator) -> str:
    id = f"proposals.field.{path}"
    return t(id) if t.has(id) else path.removeprefix("metadata.annotations.")


def _text(value: Any) -> str:
    """A value as a form shows it: lists one a line."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "\n".join(
            f"{one.get('title', '')} {one.get('url', '')}".strip() if isinstance(one, dict) else str(one)
            for one in value
        )
    if isinstance(value, dict):
        return ", ".join(f"{key}: {one}" for key, one in value.items())
    return str(value)


def reasons_of(evidence: Sequence[Evidence], facts: RepositoryFacts, t: Translator) -> list[Reason]:
    found = []
    for one in evidence:
        place = f"{one.path}:{one.line}" if one.path and one.line else one.path
        address = addresses.file_url(facts, one.path) if one.path and facts.kind != "other" else ""
        if address and one.line and facts.kind in ("github", "gitlab", "gitea"):
            address += f"#L{one.line}"
        found.append(Reason(in_words(t, one.reason), place, safe_href(address) or ""))
    return found


def facts_of(proposal: Proposal) -> RepositoryFacts:
    """Enough of the repository for addresses of its files: host and branch stand in the proposal's own source location."""
    source = proposal.fields.get("metadata.annotations.backstage.io/source-location")
    address = str(source.value).removeprefix("url:") if source is not None else ""
    url = proposal.repository_url
    for mark, kind in (
        ("/-/tree/", "gitlab"),
        ("/tree/", "github"),
        ("/src/branch/", "gitea"),
        ("/src/", "bitbucketCloud"),
    ):
        if url and address.startswith(url + mark):
            ref = unquote(address[len(url + mark) :].partition("/")[0])
            return RepositoryFacts(proposal.repository, url, kind, ref="" if ref == "HEAD" else ref)
    return RepositoryFacts(proposal.repository, url)
