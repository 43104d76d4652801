"""Handlers of the pages around templates: which one, its runs, what steps can do, and writing one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

if TYPE_CHECKING:
    from callboard.features.scaffolder.views.cards import RunCards
    from callboard.features.scaffolder.views.editor import FormView
    from callboard.kernel.web.routing import Route


def page_routes(portal: Any, *, form_view: FormView | None = None) -> Sequence[Route]:
    """``/create`` and what is below it, but for the forms of templates. ``form_view`` draws them in the editor."""
    from callboard.features.catalog.interface.personal import Stars
    from callboard.features.scaffolder.languages import Extensions
    from callboard.features.scaffolder.templates import TemplateForms
    from callboard.features.scaffolder.views.actions import ActionViews
    from callboard.features.scaffolder.views.base import PageParts
    from callboard.features.scaffolder.views.editor import EditorViews
    from callboard.features.scaffolder.views.gallery import GalleryViews
    from callboard.features.scaffolder.views.run import RunViews
    from callboard.features.scaffolder.views.tasks import TaskListViews

    parts = PageParts(portal)
    language = portal.service(Extensions).language
    editor = EditorViews(parts, portal.service(TemplateForms), language, form_view=form_view)
    return [
        *GalleryViews(parts, portal.service(Stars)).routes(),
        *TaskListViews(parts).routes(),
        *RunViews(parts).routes(),
        *ActionViews(parts).routes(),
        *editor.routes(),
    ]


def run_cards(portal: Any) -> RunCards:
    """What the pages of entities and the home page show of templates and tasks."""
    from callboard.features.scaffolder.views.base import PageParts
    from callboard.features.scaffolder.views.cards import RunCards

    return RunCards(PageParts(portal))
