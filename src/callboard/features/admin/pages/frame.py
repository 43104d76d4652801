"""What the pages of administration have in common: the row of tabs, ways through a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence
from urllib.parse import urlencode

from callboard.features.admin.interface import READ_ADMIN
from callboard.kernel.audit import READ_AUDIT
from callboard.kernel.auth.users import ADMIN_ROLE
from callboard.kernel.permissions import PermissionService
from callboard.ui.messages import Translator
from callboard.ui.parts import Banner, Crumb, Pager, Tab

PAGE = 50
_SEES_ALL = ("overview", "sources", "jobs", "plugins", "configuration")
_ORDER = ("overview", "users", "tokens", "sources", "jobs", "audit", "plugins", "configuration")


@dataclass(frozen=True, slots=True)
class Frame:
    """The head of each page. ``banners`` tell what the last press did."""

    title: str
    crumbs: Sequence[Crumb]
    tabs: Sequence[Tab]
    banners: Sequence[Banner] = ()


def path_of(section: str) -> str:
    return "/admin" if section == "overview" else f"/admin/{section}"


def frame(
    section: str,
    actor: Any,
    permissions: PermissionService,
    t: Translator,
    *,
    last: str = "",
    banners: Sequence[Banner] = (),
) -> Frame:
    """``last``: what stands below the section, on a page of one user or one job."""
    shown = [name for name in _ORDER if _may_see(name, actor, permissions)]
    tabs = [Tab(name, t(f"admin.tab.{name}"), path_of(name), name == section) for name in shown]
    title = t(f"admin.tab.{section}")
    crumbs = [Crumb(t("admin.title"), "/admin"), Crumb(title, path_of(section) if last else None)]
    return Frame(last or title, [*crumbs, Crumb(last)] if last else crumbs, tabs, banners)


def _may_see(section: str, actor: Any, permissions: PermissionService) -> bool:
    if section == "audit":
        return permissions.decide(actor, READ_AUDIT).result != "DENY"
    if section in _SEES_ALL:
        return permissions.decide(actor, READ_ADMIN).result != "DENY"
    return ADMIN_ROLE in actor.roles


def page_number(params: Mapping[str, str]) -> int:
    """Counts from 1."""
    said = params.get("page", "")
    return max(1, int(said)) if said.isdecimal() and len(said) < 6 else 1


def cut(
    rows: Sequence[Any], number: int, path: str, query: Mapping[str, str], size: int = PAGE
) -> tuple[Sequence[Any], Pager]:
    """One page of ``rows``, and the ways to its neighbours. ``query`` is kept in their addresses."""
    start = min((number - 1) * size, max(0, (len(rows) - 1) // size * size))
    part = rows[start : start + size]

    def at(n: int) -> str:
        return f"{path}?" + urlencode([*((k, v) for k, v in query.items() if v), ("page", str(n))])

    here = start // size + 1
    return part, Pager(
        start + 1 if part else 0, start + len(part), len(rows), at(here - 1) if start else None,
        at(here + 1) if start + size < len(rows) else None,
    )  # fmt: skip
