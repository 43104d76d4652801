"""Handlers of the pages around templates: which one, its runs, what steps can do, and writing one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

if TYPE_CHECKING:
    from callboard.features.scaffolder.views.cards import RunCards
    from callboard.kernel.web.routing import Route


def page_routes(portal: Any) -> Sequence[Route]:
    """``/create`` and what is below it, but for the forms of templates."""
    from callboard.features.catalog.interface.personal import Stars
    from callboard.features.scaffolder.approvals.service import Approvals
    from callboard.features.scaffolder.forms import form_views
    from callboard.features.scaffolder.languages import Extensions
    from callboard.features.scaffolder.templates import TemplateForms
    from callboard.features.scaffolder.views.actions import ActionViews
    from callboard.features.scaffolder.views.base import PageParts
    from callboard.features.scaffolder.views.editor import EditorViews
    from callboard.features.scaffolder.views.form_view import DrawnForms
    from callboard.features.scaffolder.views.gallery import GalleryViews
    from callboard.features.scaffolder.views.run import RunViews
    from callboard.features.scaffolder.views.tasks import TaskListViews
    from callboard.ui.messages import Messages

    parts = PageParts(portal)
    language = portal.service(Extensions).language
    drawn = DrawnForms(form_views(portal), parts.templates, portal.service(Messages))
    editor = EditorViews(parts, portal.service(TemplateForms), language, form_view=drawn)
    return [
        *GalleryViews(parts, portal.service(Stars)).routes(),
        *TaskListViews(parts).routes(),
        *RunViews(parts, portal.service(Approvals)).routes(),
        *ActionViews(parts).routes(),
        *editor.routes(),
    ]


def run_cards(portal: Any) -> RunCards:
    """What the pages of entities and the home page show of templates and tasks."""
    from callboard.features.scaffolder.views.base import PageParts
    from callboard.features.scaffolder.views.cards import RunCards

    return RunCards(PageParts(portal))
