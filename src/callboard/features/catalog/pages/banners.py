"""What stands above an entity: what is wrong, what that means for what one sees, and who can put it right."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.catalog.pages.findings import finding_view
from callboard.features.catalog.pages.links import entity_href, why_href
from callboard.features.catalog.problems import Around, Problem
from callboard.kernel.auth.actor import Actor
from callboard.model.refs import EntityRef
from callboard.ui.messages import Translator
from callboard.ui.parts import Banner, EntityLink, LinkItem


def problem_banners(
    entity: Mapping[str, Any],
    around: Around,
    actor: Actor,
    owners: Sequence[EntityLink],
    edit_href: str | None,
    t: Translator,
) -> list[Banner]:
    """At most one banner for problems, and one for an orphan."""
    ref = EntityRef.of(entity)
    annotations = entity["metadata"].get("annotations")
    banners = []
    if around.total:
        first = _worst(around)
        is_bad = first.finding.severity == "error"
        view = finding_view(first.finding, None, t)
        body = [f"{view.place}: {view.message}" if view.place else view.message]
        if view.fix:
            body.append(t("catalog.problem.fix", fix=view.fix))
        if actor.ownership & {owner.ref for owner in owners}:
            body.append(t("catalog.problem.yours"))
        elif owners:
            body.append(t("catalog.problem.ask", owner=owners[0].title))
        actions = [LinkItem(t("catalog.edit_file"), edit_href, "edit")] if edit_href else []
        actions.append(LinkItem(t("catalog.problem.all", n=around.total), entity_href(ref, "problems"), "problems"))
        banners.append(Banner("bad" if is_bad else "warn", _title(ref, around, first, t), body, actions))
    if isinstance(annotations, dict) and str(annotations.get("backstage.io/orphan", "")).lower() == "true":
        action = LinkItem(t("catalog.why.ask"), why_href(str(ref)), "why")
        banners.append(Banner("warn", t("catalog.problem.orphan"), [t("catalog.problem.orphan_means")], [action]))
    return banners


def _worst(around: Around) -> Problem:
    """The first error of what is nearest to the entity, else the first of all."""
    return next((p for p in around.all if p.finding.severity == "error"), around.all[0])


def _title(ref: EntityRef, around: Around, first: Problem, t: Translator) -> str:
    """What the problems mean for what the page shows."""
    if first.finding.severity != "error":
        return t("catalog.problem.warnings", n=around.total)
    if ref.kind.lower() == "location":
        unread = sum(p.finding.stage == "read" for p in around.own)
        if unread:
            return t("catalog.problem.unread", n=unread)
        return t("catalog.problem.below", n=around.total)
    if first in around.own:
        return t("catalog.problem.errors", n=sum(p.finding.severity == "error" for p in around.own))
    return t("catalog.problem.in_file")
