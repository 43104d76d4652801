"""The second step: what each column means, what stands where the sheet says nothing, and what a row becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Sequence

from callboard.features.importing.interface import (
    ColumnGuess,
    ColumnMapping,
    ImportRecord,
    PlannedEntity,
    Proposal,
    Role,
    SheetMapping,
    SheetSource,
)
from callboard.features.importing.pages.entities import PlannedView, planned_view
from callboard.features.importing.pages.frame import (
    Head,
    confidence_of,
    crumbs_of,
    head_of,
    import_path,
    steps_of,
)
from callboard.ui.messages import Translator
from callboard.ui.parts import Banner, Crumb, Step, Tab
from callboard.ui.wording import in_words

ROLE_GROUPS: Mapping[str, Sequence[Role]] = {
    "what": ("name", "title", "description", "kind", "type", "lifecycle", "tags"),
    "whose": ("owner", "chat"),
    "where": ("system", "domain", "namespace", "repository", "link"),
    "needs": ("depends_on", "provides_apis", "consumes_apis"),
    "kept": ("annotation", "label"),
    "left": ("ignore",),
}
SAMPLES = 3
NEW_SOURCE = "new"


@dataclass(frozen=True, slots=True)
class RoleGroup:
    title: str
    roles: Sequence[tuple[Role, str]]


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column: ``index`` counts from 0 and names its fields in the form.

    ``confidence`` is the word for how sure the guess is, or that somebody chose, or that it is as last time. ``others`` are
    further meanings that fit. ``error`` is what is wrong with the choice.
    """

    index: int
    name: str
    samples: Sequence[str]
    role: Role
    key: str
    confidence: str
    status: str
    reason: str
    others: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class DefaultField:
    """A text that stands where the sheet says nothing. ``list`` is the id of suggestions in the page, empty for none."""

    id: str
    label: str
    value: str
    help: str = ""
    list: str = ""
    placeholder: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What one row becomes. ``error`` instead says what stands in the way. ``at`` counts data rows from 0."""

    id: str
    at: int
    rows: int
    planned: PlannedView | None
    error: str = ""

    @property
    def previous(self) -> int | None:
        return self.at - 1 if self.at > 0 else None

    @property
    def next(self) -> int | None:
        return self.at + 1 if self.at + 1 < self.rows else None


@dataclass(frozen=True, slots=True)
class ColumnsPage:
    """``importing/columns.html``.

    ``tabs`` are those of the file, none where it has one. ``sources`` are the choices of what this sheet is: (value, words),
    none where nothing was imported yet. ``groups``: refs of groups to pick an owner from. ``used``: columns that mean something.
    ``skipped``: rows that are no data, (row, text, reason).
    """

    title: str
    crumbs: Sequence[Crumb]
    steps: Sequence[Step]
    head: Head
    action: str
    sheet: str
    tabs: Sequence[Tab]
    banners: Sequence[Banner]
    roles: Sequence[RoleGroup]
    columns: Sequence[ColumnView]
    used: int
    defaults: Sequence[DefaultField]
    kind: str
    kinds: Sequence[str]
    create_owners: bool
    create_systems: bool
    sources: Sequence[tuple[str, str]]
    source: str
    groups: Sequence[str]
    notes: Sequence[str]
    skipped: Sequence[tuple[str, str, str]]
    preview: Preview
    suggestions: Mapping[str, Sequence[str]] = field(default_factory=dict)


def preview_of(
    record: ImportRecord, at: int, planned: Sequence[PlannedEntity], t: Translator, *, rows: int, error: str = ""
) -> Preview:
    view = planned_view(planned[0], t) if planned and not error else None
    return Preview(record.id, at, rows, view, error)


def columns_page(
    record: ImportRecord,
    proposal: Proposal,
    preview: Preview,
    t: Translator,
    *,
    mapping: SheetMapping,
    sources: Sequence[SheetSource],
    source: str,
    groups: Sequence[str],
    kinds: Sequence[str],
    error: str = "",
    error_field: str = "",
) -> ColumnsPage:
    """``mapping`` is what is chosen or was typed; ``error_field`` names a column or a default that is wrong."""
    chosen = {column.column: column for column in mapping.columns}
    remembered = {column.column: column for column in proposal.mapping.columns} if proposal.remembered else {}
    columns = [
        _column(n, guess, chosen.get(guess.mapping.column, guess.mapping), remembered, t, error, error_field)
        for n, guess in enumerate(proposal.guesses)
    ]
    return ColumnsPage(
        title=record.filename,
        crumbs=crumbs_of(record, t),
        steps=steps_of("columns", t, record),
        head=head_of(record),
        action=import_path(record.id, "columns"),
        sheet=proposal.sheet,
        tabs=_tabs(record, proposal.sheet),
        banners=_banners(record, proposal, columns, error, t),
        roles=[
            RoleGroup(t(f"importing.roles.{id}"), [(role, t(f"importing.role.{role}")) for role in roles])
            for id, roles in ROLE_GROUPS.items()
        ],
        columns=columns,
        used=sum(column.role != "ignore" for column in columns),
        defaults=_defaults(mapping, error, error_field, t),
        kind=mapping.kind,
        kinds=kinds if mapping.kind in kinds else [*kinds, mapping.kind],
        create_owners=mapping.create_owners,
        create_systems=mapping.create_systems,
        sources=_sources(record, sources, t),
        source=source,
        groups=groups,
        notes=proposal.notes,
        skipped=[(str(row.number), row.text, row.reason) for row in proposal.skipped],
        preview=preview,
        suggestions={
            "types": ("service", "website", "library", "job", "documentation"),
            "lifecycles": ("production", "experimental", "deprecated"),
        },
    )


def _column(
    index: int,
    guess: ColumnGuess,
    choice: ColumnMapping,
    remembered: Mapping[str, ColumnMapping],
    t: Translator,
    error: str,
    error_field: str,
) -> ColumnView:
    word, mark = confidence_of(guess.confidence)
    reason, status = in_words(t, guess.reason), str(mark)
    name = guess.mapping.column
    if remembered.get(name) == choice:
        word, status, reason = "remembered", "ok", ""
    elif choice.role != guess.mapping.role:
        word, status, reason = "chosen", "", t("importing.guess_was", role=t(f"importing.role.{guess.mapping.role}"))
    others = ", ".join(t(f"importing.role.{role}") for role in guess.others if role != choice.role)
    return ColumnView(
        index=index,
        name=name,
        samples=[sample for sample in guess.samples if sample][:SAMPLES],
        role=choice.role,
        key=choice.key,
        confidence=t(f"importing.confidence.{word}"),
        status=status,
        reason=reason.rstrip(". ") + "." if reason else "",
        others=others if choice.role == guess.mapping.role and status != "ok" else "",
        error=error if error_field == name else "",
    )


def _tabs(record: ImportRecord, sheet: str) -> Sequence[Tab]:
    if len(record.sheets) < 2:
        return ()
    return [
        Tab(info.name, info.name, import_path(record.id, "columns", sheet=info.name), info.name == sheet, info.rows)
        for info in record.sheets
    ]


def _banners(
    record: ImportRecord, proposal: Proposal, columns: Sequence[ColumnView], error: str, t: Translator
) -> Sequence[Banner]:
    banners = []
    if error:
        banners.append(Banner("bad", t("importing.not_yet"), [error]))
    elif record.stage == "failed":
        banners.append(Banner("bad", t("importing.failed"), [record.error]))
    elif not any(column.role == "name" for column in columns):
        banners.append(Banner("warn", t("importing.no_name"), [t("importing.no_name_means")]))
    if proposal.remembered:
        banners.append(
            Banner("info", t("importing.remembered", file=proposal.remembered), [t("importing.remembered_means")])
        )
    return banners


def _defaults(mapping: SheetMapping, error: str, error_field: str, t: Translator) -> Sequence[DefaultField]:
    fields = [
        DefaultField("owner", t("importing.default.owner"), mapping.owner, t("importing.default.owner_help"), "groups"),
        DefaultField("type", t("importing.default.type"), mapping.type, list="types"),
        DefaultField("lifecycle", t("importing.default.lifecycle"), mapping.lifecycle, list="lifecycles"),
        DefaultField("namespace", t("importing.default.namespace"), mapping.namespace),
        DefaultField(
            "repository_host", t("importing.default.repository_host"), mapping.repository_host,
            t("importing.default.repository_host_help"), placeholder="https://github.com/acme",
        ),
    ]  # fmt: skip
    return [
        DefaultField(f.id, f.label, f.value, f.help, f.list, f.placeholder, error if error_field == f.id else "")
        for f in fields
    ]


def _sources(record: ImportRecord, sources: Sequence[SheetSource], t: Translator) -> Sequence[tuple[str, str]]:
    """What the sheet may be: one of its own first, then each that gives entities now."""
    if not sources:
        return ()
    return [
        (NEW_SOURCE, t("importing.source_new")),
        *((s.name, t("importing.source_update", n=s.entities, title=s.title)) for s in sources),
    ]
