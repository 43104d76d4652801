"""The gallery at ``/gallery``: every part in its states, made of invented values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Sequence

from callboard.kernel.clock import Clock
from callboard.ui.code import Code, show_code
from callboard.ui.icons import ICONS, kind_mark, stable_hue
from callboard.ui.markdown import render_markdown
from callboard.ui.messages import Messages
from callboard.ui.moments import Moment, moment
from callboard.ui.parts import (
    Banner,
    Column,
    Crumb,
    EntityLink,
    Facet,
    FacetOption,
    LinkItem,
    Pager,
    Step,
    Tab,
    steps_to,
)

KINDS = (
    "Component",
    "API",
    "Resource",
    "System",
    "Domain",
    "Group",
    "User",
    "Location",
    "Template",
    "AIResource",
    "Runbook",
)
TOKENS = ("paper", "raised", "sunken", "hover", "accent-tint", "ok-tint", "warn-tint", "bad-tint", "unknown-tint")
LONG = "an-entity-with-a-name-as-long-as-names-may-be-sixty-three-letter"


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """``ui/gallery.html``. The fields hold one value, or several states, of the part that they are named after."""

    title: str
    crumbs: Sequence[Crumb]
    icons: Sequence[str]
    tokens: Sequence[str]
    kinds: Sequence[EntityLink]
    links: Sequence[EntityLink]
    moments: Sequence[Moment]
    banners: Sequence[Banner]
    tabs: Sequence[Tab]
    steps: Sequence[Step]
    facet: Facet
    chosen: Sequence[LinkItem]
    columns: Sequence[Column]
    pagers: Sequence[Pager]
    yaml: Code
    json: Code
    prose: Any
    outside: Sequence[LinkItem]


def _link(kind: str, name: str, title: str | None = None, absent: bool = False) -> EntityLink:
    mark = kind_mark(kind)
    ref = f"{kind.lower()}:default/{name}"
    hue = stable_hue(ref) if kind in ("Group", "User") else mark.hue
    return EntityLink(ref, "/gallery", title or name, name, kind.lower(), mark.icon, hue, absent)


class Gallery:
    """Shows the page; it reads nothing and can be seen by whoever may see pages."""

    def __init__(self, messages: Messages, clock: Clock) -> None:
        self._messages = messages
        self._clock = clock

    async def show(self, request: Any) -> Any:
        return request.render("ui/gallery.html", self.page(request.locale))

    def page(self, locale: str = "en") -> GalleryPage:
        t, now = self._messages.translator(locale), self._clock.now()
        options = [
            FacetOption(n, c, "/gallery", n == "service")
            for n, c in (("service", 1204), ("library", 96), ("website", 31))
        ]
        more = [FacetOption(f"kind-{n}", n, "/gallery") for n in range(9, 4, -1)]
        action = [LinkItem("Edit file", "/gallery", "edit")]
        return GalleryPage(
            title=t("gallery.title"),
            crumbs=(
                Crumb("Catalog", "/catalog"),
                Crumb("Component", "/catalog?kind=component"),
                Crumb(t("gallery.title")),
            ),
            icons=sorted(ICONS),
            tokens=TOKENS,
            kinds=[_link(kind, kind.lower(), kind) for kind in KINDS],
            links=[
                _link("Component", "payments-api", "Payments API"),
                _link("Group", "team-ledger", "Team Ledger"),
                _link("User", "ada.lovelace", "Ada Lovelace"),
                _link("Component", LONG),
                _link("Component", "gone", absent=True),
            ],
            moments=[
                moment(now - timedelta(**{unit: n}), now)
                for unit, n in (
                    ("seconds", 3),
                    ("minutes", 7),
                    ("hours", 5),
                    ("days", 1),
                    ("days", 9),
                    ("weeks", 6),
                    ("days", 400),
                )
            ],
            banners=[
                Banner(
                    "bad",
                    "Its source has an error",
                    ["catalog-info.yaml:12:3: spec.owner is missing", "Name a group."],
                    action,
                ),
                Banner("warn", "No source names this entity any more", ["It stays until someone removes it."]),
                Banner("ok", "Asked to read the source again"),
                Banner("info", "A newer version is on its way", ["Nothing to do."]),
            ],
            tabs=[
                Tab("overview", "Overview", "/gallery", True),
                Tab("relations", "Relations", "/gallery", count=48),
                Tab("problems", "Problems", "/gallery", count=2, bad=True),
                Tab("yaml", "YAML", "/gallery"),
            ],
            steps=steps_to(2, [("File", "/gallery"), ("Columns", "/gallery"), ("Plan", None), ("Done", None)]),
            facet=Facet("sample", "Type", options, more, unlisted=112),
            chosen=[LinkItem("service", "/gallery", type="type"), LinkItem("Team Ledger", "/gallery", type="owner")],
            columns=[
                Column("name", "Name", "/gallery", "asc"),
                Column("owner", "Owner", "/gallery"),
                Column("type", "Type", "/gallery"),
                Column("lifecycle", "Lifecycle"),
            ],
            pagers=[
                Pager(
                    26,
                    50,
                    10432,
                    "/gallery",
                    "/gallery",
                    ((25, "/gallery", True), (50, "/gallery", False)),
                    (("CSV", "/catalog.csv"),),
                ),
                Pager(1, 3, 3),
                Pager(0, 0, 0),
            ],
            yaml=show_code(
                "# who owns it\nkind: Component\nmetadata:\n  name: payments-api\n  tags: [go, 'pci']\n"
                "  description: |\n    Takes money.\n    Gives receipts.\nspec:\n  replicas: 3\n  public: true\n",
                "yaml",
            ),
            json=show_code('{"openapi": "3.1.0", "paths": {"/pay": {"post": {"deprecated": false}}}}', "json"),
            prose=render_markdown(
                "Takes money and gives **receipts**. See the [runbook](https://example.com/run), or:\n\n"
                "- retries are safe, `Idempotency-Key` is honoured\n- amounts are in minor units\n\n> Never log a card number."
            ),
            outside=[
                LinkItem("Dashboard", "https://example.com/d", "dashboard"),
                LinkItem("#payments", "https://example.com/c", "chat"),
            ],
        )
