"""The built-in actions of templates: Backstage's core ones, and those of the community that many templates use.

``core_actions`` wires them to a portal; ``local_actions`` are those that need none, for the command line and for tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Sequence

if TYPE_CHECKING:
    from callboard.features.scaffolder.interface import TemplateSource
    from callboard.features.scaffolder.language import Language
    from callboard.kernel.actions import Action


def local_actions(source: TemplateSource, language: Callable[[], Language]) -> Sequence[Action]:
    """What works on a workspace alone. ``language`` is asked for whenever a step renders."""
    from callboard.features.scaffolder.actions.catalog import write_action
    from callboard.features.scaffolder.actions.debug import debug_actions
    from callboard.features.scaffolder.actions.fetching import Fetching, fetching_actions
    from callboard.features.scaffolder.actions.files import file_actions
    from callboard.features.scaffolder.actions.regex import regex_actions
    from callboard.features.scaffolder.actions.roadie import roadie_actions

    return [
        *fetching_actions(Fetching(source, language)),
        write_action(),
        *file_actions(),
        *debug_actions(),
        *regex_actions(),
        *roadie_actions(),
    ]


def core_actions(portal: Any) -> Sequence[Action]:
    """All built-in ones. ``notification:send`` is registered by the notifications themselves.

    Asks the portal for ``Extensions`` and ``TemplateSource``, and does with plain ones where nobody offers them.
    """
    from callboard.features.catalog.interface import CatalogCommands, CatalogQueries, UrlReader
    from callboard.features.scaffolder.actions.catalog import CatalogSteps, catalog_actions
    from callboard.features.scaffolder.actions.http import HttpSteps, http_actions
    from callboard.features.scaffolder.interface import TemplateSource
    from callboard.features.scaffolder.languages import Extensions
    from callboard.features.scaffolder.sources import CatalogTemplateSource
    from callboard.model.urls import DEFAULT_HOSTS

    settings, readers = portal.settings, portal.service(UrlReader)
    source = portal.find_service(TemplateSource) or CatalogTemplateSource(readers)

    def language() -> Language:
        extensions = portal.find_service(Extensions) or Extensions.of(DEFAULT_HOSTS)
        found: Language = extensions.language
        return found

    http = HttpSteps(
        portal.http,
        settings.get_str("backend.baseUrl", ""),
        hosts=[str(host) for host in settings.get_list("scaffolder.http.allowedHosts", [])],
        methods=[str(method) for method in settings.get_list("scaffolder.http.allowedMethods", [])],
    )
    steps = CatalogSteps(portal.service(CatalogQueries), portal.service(CatalogCommands), readers)
    return [
        *local_actions(source, language),
        *catalog_actions(steps),
        *http_actions(http),
    ]
