"""Where a scan begins, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Sequence

from callboard.features.catalog.interface.links import link_to
from callboard.features.proposals.interface import Choices, Scan, ScanPage
from callboard.ui.messages import Translator
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import Crumb, EntityLink, Pager

SCANS_PAGE = 15
STAGE_STATUS = {"waiting": "info", "running": "info", "done": "ok", "failed": "bad"}
COUNTS = ("new", "changed", "gone", "unchanged", "described", "failed")


@dataclass(frozen=True, slots=True)
class ScanView:
    """``summary`` says in words what it found; ``by`` is None for what no person started."""

    href: str
    target: str
    stage: str
    status: str
    summary: str
    at: Moment
    by: EntityLink | None


@dataclass(frozen=True, slots=True)
class StartPage:
    """``proposals/scan.html``."""

    title: str
    crumbs: Sequence[Crumb]
    target: str
    error: str
    owners: Sequence[tuple[str, str]]
    folders: Sequence[str]
    hosts: str
    scans: Sequence[ScanView]
    total: int
    pager: Pager | None


@dataclass(frozen=True, slots=True)
class ScanDetail:
    """``proposals/progress.html``: while ``is_running`` it is asked again and again."""

    title: str
    crumbs: Sequence[Crumb]
    id: str
    target: str
    stage: str
    status: str
    is_running: bool
    step: str
    done: int
    total: int
    counts: Sequence[tuple[str, int]]
    notes: Sequence[tuple[str, str]]
    error: str
    new: int
    changed: int
    list_href: str
    at: Moment
    by: EntityLink | None


def start_page(
    found: ScanPage, choices: Choices, t: Translator, *, now: datetime, offset: int, target: str = "", error: str = ""
) -> StartPage:
    last = offset + len(found.items)
    pager = None
    if found.total > SCANS_PAGE:
        pager = Pager(
            offset + 1 if found.items else 0, last, found.total,
            f"/proposals/scan?start={max(offset - SCANS_PAGE, 0)}" if offset else None,
            f"/proposals/scan?start={last}" if last < found.total else None,
        )  # fmt: skip
    return StartPage(
        title=t("proposals.scan.title"), crumbs=(Crumb(t("proposals.title"), "/proposals"), Crumb(t("proposals.scan.title"))),
        target=target, error=error, owners=choices.owners, folders=choices.folders, hosts=", ".join(choices.hosts),
        scans=[scan_view(scan, t, now) for scan in found.items], total=found.total, pager=pager,
    )  # fmt: skip


def scan_view(scan: Scan, t: Translator, now: datetime) -> ScanView:
    said = [t(f"proposals.count.{name}", n=scan.counts[name]) for name in COUNTS if scan.counts.get(name)]
    summary = scan.error or ", ".join(said) or (t("proposals.count.none") if scan.stage == "done" else "")
    return ScanView(
        f"/proposals/scans/{scan.id}", scan.target, t(f"proposals.stage.{scan.stage}"), STAGE_STATUS[scan.stage], summary,
        moment(scan.created_at, now), _by(scan),
    )  # fmt: skip


def scan_detail(scan: Scan, t: Translator, *, now: datetime) -> ScanDetail:
    is_running = scan.stage in ("waiting", "running")
    return ScanDetail(
        title=t("proposals.scan.of", target=scan.target), id=scan.id, target=scan.target, stage=t(f"proposals.stage.{scan.stage}"),
        crumbs=(Crumb(t("proposals.title"), "/proposals"), Crumb(t("proposals.scan.title"), "/proposals/scan"), Crumb(scan.target)),
        status=STAGE_STATUS[scan.stage], is_running=is_running, step=scan.step, done=scan.done, total=scan.total,
        counts=[(t(f"proposals.counted.{name}"), scan.counts.get(name, 0)) for name in ("repositories", *COUNTS) if scan.counts.get(name)],
        notes=scan.notes, error=scan.error, new=scan.counts.get("new", 0),
        changed=scan.counts.get("changed", 0), list_href=f"/proposals?scan={scan.id}",
        at=moment(scan.created_at, now), by=_by(scan),
    )  # fmt: skip


def _by(scan: Scan) -> EntityLink | None:
    return link_to(scan.created_by, None, known=False) if scan.created_by.startswith("user:") else None
