"""The queue as a page: its state is its address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Sequence
from urllib.parse import urlencode

from callboard.features.catalog.interface.links import entity_href, link_to
from callboard.features.proposals.domain.values import Confidence
from callboard.features.proposals.interface import (
    BULK_FIELDS,
    CONFIDENCE_VALUES,
    STATES,
    Decision,
    Proposal,
    ProposalPage,
    ProposalQuery,
    State,
)
from callboard.ui.icons import kind_mark
from callboard.ui.messages import Translator
from callboard.ui.parts import Banner, EntityLink, Facet, FacetOption, LinkItem, Pager, Status, Tab
from callboard.ui.wording import in_words

SIZE: Final = 50
CONFIDENCE_STATUS: Final[dict[str, Status]] = {"high": "ok", "likely": "info", "guess": "warn"}
SHOWN_REPOSITORIES: Final = 8
MAX_REPOSITORIES: Final = 40
MAX_NAMED: Final = 6


@dataclass(frozen=True, slots=True)
class ListState:
    """What the address says. ``state`` may also be ``changed``: accepted ones whose files say otherwise now."""

    state: State | Literal["changed"] = "open"
    kind: str | None = None
    confidence: Confidence | None = None
    repository: str | None = None
    scan: str | None = None
    q: str = ""
    start: int = 0

    @classmethod
    def parse(cls, params: Any) -> ListState:
        """Read query parameters. What it does not understand is left out."""
        state, confidence, start = params.get("state", "open"), params.get("confidence"), params.get("start", "")
        return cls(
            state=state if state in (*STATES, "changed") else "open",
            kind=(params.get("kind") or "")[:60] or None,
            confidence=confidence if confidence in CONFIDENCE_VALUES else None,
            repository=(params.get("repository") or "")[:40] or None,
            scan=(params.get("scan") or "")[:40] or None,
            q=params.get("q", "").strip()[:200],
            start=int(start) if start.isdecimal() and len(start) < 8 else 0,
        )

    def query(self) -> ProposalQuery:
        return ProposalQuery(
            state="accepted" if self.state == "changed" else self.state, kind=self.kind, confidence=self.confidence,
            repository=self.repository, scan=self.scan, changed=self.state == "changed", words=self.q, limit=SIZE, offset=self.start,
        )  # fmt: skip

    def href(self, **changes: Any) -> str:
        """The address after ``changes``; any but of the paging leads to the first page."""
        then = replace(self, **({"start": 0} | changes))
        given = {
            "state": then.state if then.state != "open" else None, "kind": then.kind, "confidence": then.confidence,
            "repository": then.repository, "scan": then.scan, "q": then.q or None, "start": then.start or None,
        }  # fmt: skip
        query = urlencode({name: value for name, value in given.items() if value is not None})
        return "/proposals" + (f"?{query}" if query else "")

    @property
    def is_filtered(self) -> bool:
        return bool(self.kind or self.confidence or self.repository or self.scan or self.q)


@dataclass(frozen=True, slots=True)
class Row:
    """A proposal in the list. ``missing`` are labels of fields that it needs; ``problem`` says what stands in its way."""

    id: str
    href: str
    name: str
    title: str
    icon: str
    hue: int
    kind: str
    type: str
    owner: EntityLink | None
    owner_is_new: bool
    place: str
    description: str
    confidence: str
    confidence_status: Status
    why: str
    missing: Sequence[str]
    problem: str
    entity_href: str


@dataclass(frozen=True, slots=True)
class ListPage:
    """``proposals/list.html``. ``is_new``: nothing was ever looked at."""

    title: str
    state: ListState
    tabs: Sequence[Tab]
    facets: Sequence[Facet]
    chosen: int
    clear_href: str
    rows: Sequence[Row]
    total: int
    pager: Pager
    banners: Sequence[Banner]
    is_new: bool
    can_decide: bool
    fields: Sequence[tuple[str, str]]
    hidden: Sequence[tuple[str, str]]
    people: Sequence[tuple[str, str]]
    descriptor_href: str


def list_page(
    found: ProposalPage,
    state: ListState,
    t: Translator,
    *,
    is_new: bool,
    banners: Sequence[Banner],
    people: Sequence[tuple[str, str]],
) -> ListPage:
    last = state.start + len(found.items)
    pager = Pager(
        state.start + 1 if found.items else 0, last, found.total,
        state.href(start=max(state.start - SIZE, 0)) if state.start else None,
        state.href(start=last) if last < found.total else None,
    )  # fmt: skip
    ids = [proposal.id for proposal in found.items if proposal.state != "ignored"]
    whole = state.repository is not None and found.total == len(found.items)
    return ListPage(
        title=t("proposals.title"), state=state, tabs=_tabs(found, state, t), facets=_facets(found, state, t),
        chosen=sum(1 for one in (state.kind, state.confidence, state.repository, state.scan) if one),
        clear_href=ListState(state=state.state).href(), rows=[_row(proposal, t) for proposal in found.items], total=found.total,
        pager=pager, banners=banners, is_new=is_new, can_decide=state.state in ("open", "ignored"),
        fields=[(path, t(f"proposals.field.{path}")) for path in BULK_FIELDS],
        hidden=[(name, value) for name, value in (
            ("state", state.state), ("kind", state.kind), ("confidence", state.confidence), ("repository", state.repository),
            ("scan", state.scan)) if value], people=people,
        descriptor_href="/proposals/catalog-info.yaml?" + urlencode([("id", id) for id in ids]) if whole and ids else "",
    )  # fmt: skip


def _tabs(found: ProposalPage, state: ListState, t: Translator) -> list[Tab]:
    counts = {value: count for value, _, count in found.facets["state"]} if state.state != "changed" else {}
    tabs = []
    for id in ("open", "accepted", "changed", "ignored"):
        count = counts.get(id, 0) if counts or id == "open" else None
        if id == "changed":
            count = found.total if state.state == "changed" else None
        elif state.state == "changed":
            count = None
        tabs.append(Tab(id, t(f"proposals.state.{id}"), state.href(state=id), state.state == id, count))
    return tabs


def _facets(found: ProposalPage, state: ListState, t: Translator) -> list[Facet]:
    facets = []
    order = {"kind": ("Component", "API", "Resource", "System", "Group"), "confidence": CONFIDENCE_VALUES}
    for name in ("kind", "confidence", "repository"):
        now = getattr(state, name)
        rows = list(found.facets[name])
        if name in order:
            known = order[name]
            rows.sort(key=lambda row: known.index(row[0]) if row[0] in known else len(known))
        options = [
            FacetOption(
                title if name == "repository" else t(f"proposals.{name}.{value}") if t.has(f"proposals.{name}.{value}") else title, count,
                state.href(**{name: None if value == now else value}), value == now,
            )
            for value, title, count in rows
        ]  # fmt: skip
        if options:
            facets.append(
                Facet(
                    name, t(f"proposals.facet.{name}"), options[:SHOWN_REPOSITORIES], options[SHOWN_REPOSITORIES:MAX_REPOSITORIES],
                    max(0, len(options) - MAX_REPOSITORIES),
                )
            )  # fmt: skip
    return facets


def _row(proposal: Proposal, t: Translator) -> Row:
    mark = kind_mark(proposal.kind)
    fields = proposal.fields
    owner = fields.get("spec.owner")
    link = link_to(str(owner.value), None, known=False) if owner is not None and owner.value else None
    described = fields.get("metadata.description")
    type = fields.get("spec.type")
    return Row(
        id=proposal.id, href=f"/proposals/{proposal.id}", name=proposal.name, title=proposal.title, icon=mark.icon, hue=mark.hue,
        kind=proposal.kind, type=str(type.value) if type is not None and type.value else "", owner=link,
        owner_is_new=owner is not None and owner.confidence == "guess" and not owner.is_edited,
        place=proposal.repository + (f": {proposal.folder}" if proposal.folder else ""),
        description=str(described.value) if described is not None and described.value else "", confidence=t(f"proposals.confidence.{proposal.confidence}"),
        confidence_status=CONFIDENCE_STATUS[proposal.confidence], why=in_words(t, proposal.evidence[0].reason) if proposal.evidence else "",
        missing=[t(f"proposals.field.{path}") for path in proposal.missing] if proposal.state == "open" else (),
        problem=problem_of(proposal, t), entity_href=entity_href(proposal.ref) if proposal.state == "accepted" and proposal.is_taken else "",
    )  # fmt: skip


def problem_of(proposal: Proposal, t: Translator) -> str:
    """What stands in the way of accepting, or has become of what was accepted; empty for nothing."""
    if proposal.state == "accepted":
        if not proposal.is_taken:
            return t("proposals.problem.deleted")
        return (
            t("proposals.problem.gone")
            if proposal.is_gone
            else t("proposals.problem.changed")
            if proposal.differences
            else ""
        )
    if proposal.is_taken:
        return t("proposals.problem.taken", ref=proposal.ref)
    return t("proposals.problem.rivals", n=proposal.rivals) if proposal.rivals else ""


def outcome_banners(decisions: Sequence[Decision], t: Translator) -> list[Banner]:
    """What became of a decision over several proposals."""
    banners = []
    for outcome, status in (("accepted", "ok"), ("ignored", "info"), ("open", "info"), ("changed", "ok")):
        those = [one for one in decisions if one.outcome == outcome]
        if those:
            actions = (
                (LinkItem(t("proposals.told.see"), "/proposals?state=accepted", "next"),)
                if outcome == "accepted"
                else ()
            )
            banners.append(Banner(status, t(f"proposals.told.{outcome}", n=len(those)), (), actions))  # type: ignore[arg-type]
    refused = [one for one in decisions if one.outcome in ("conflict", "refused", "missing")]
    if refused:
        lines = [f"{one.ref}: {one.message}" for one in refused[:MAX_NAMED]]
        if len(refused) > MAX_NAMED:
            lines.append(t("proposals.told.more", n=len(refused) - MAX_NAMED))
        banners.append(Banner("bad", t("proposals.told.refused", n=len(refused)), lines))
    return banners
