"""Forms of templates: JSON Schema with ``ui:*`` to fields, fields to HTML, what people typed back to values.

``form_routes`` are the pages; ``form_views`` draws one page of any schema for others (``FormViews.preview``). Packages of templates and
messages: ``callboard.features.scaffolder.forms``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

if TYPE_CHECKING:
    from callboard.features.scaffolder.forms.drawing import FormViews
    from callboard.kernel.web.routing import Route


def form_views(portal: Any) -> FormViews:
    """What draws pages of forms over the portal's catalog and source hosts."""
    from callboard.features.catalog.interface import CatalogQueries
    from callboard.features.scaffolder.forms.drawing import FormViews
    from callboard.features.scaffolder.forms.entities import Entities
    from callboard.features.scaffolder.forms.hosts import SourceHosts, read_hosts

    providers = portal.plugins.collect("register_autocomplete", portal=portal)
    return FormViews(Entities(portal.service(CatalogQueries)), SourceHosts(read_hosts(portal.settings), providers))


def form_routes(portal: Any) -> Sequence[Route]:
    """``/create/templates/<namespace>/<name>`` and its parts."""
    from callboard.features.scaffolder.forms.views import FormRoutes
    from callboard.features.scaffolder.interface import Tasks, Templates
    from callboard.ui.messages import Messages

    flags = frozenset(str(one) for one in portal.settings.get_list("scaffolder.featureFlags", []))
    templates, tasks = portal.service(Templates), portal.service(Tasks)
    return FormRoutes(templates, tasks, form_views(portal), portal.service(Messages), flags=flags).routes()
