"""What the parts of updates share in one portal."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import UPDATE_ENTITY, CatalogQueries, UrlReader
from callboard.features.catalog.interface.held import CatalogSources
from callboard.features.catalog.interface.overlays import CatalogOverlays
from callboard.features.scaffolder.interface import TemplateNotFound, TemplateSource
from callboard.features.scaffolder.interface.updates import ChangeOpener
from callboard.features.scaffolder.languages import Extensions
from callboard.features.scaffolder.settings import ScaffolderSettings
from callboard.features.scaffolder.spec import base_url_of
from callboard.features.scaffolder.updates.rendering import RunnerRenderer, TreeRenderer
from callboard.features.scaffolder.updates.updating import Target
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock
from callboard.kernel.db.interface import Database
from callboard.kernel.jobs import Jobs
from callboard.kernel.permissions import PermissionService
from callboard.model.predicates import matches
from callboard.model.terms import terms_of
from callboard.model.urls import Hosts


class UpdateParts:
    """Put together once; other features are asked for when they are needed."""

    def __init__(self, portal: Any, settings: ScaffolderSettings, extensions: Extensions) -> None:
        self._portal = portal
        self._settings = settings
        self._extensions = extensions
        self.db: Database = portal.db
        self.clock: Clock = portal.clock
        self.jobs: Jobs = portal.jobs
        self.audit: Audit = portal.audit
        self.permissions: PermissionService = portal.permissions
        self.hosts: Hosts = settings.hosts

    @cached_property
    def queries(self) -> CatalogQueries:
        found: CatalogQueries = self._portal.service(CatalogQueries)
        return found

    @cached_property
    def overlays(self) -> CatalogOverlays:
        found: CatalogOverlays = self._portal.service(CatalogOverlays)
        return found

    @cached_property
    def sources(self) -> CatalogSources:
        found: CatalogSources = self._portal.service(CatalogSources)
        return found

    @cached_property
    def source(self) -> TemplateSource:
        from callboard.features.scaffolder.sources import CatalogTemplateSource

        found: TemplateSource | None = self._portal.find_service(TemplateSource)
        return found or CatalogTemplateSource(self._portal.service(UrlReader))

    @cached_property
    def renderer(self) -> TreeRenderer:
        from callboard.features.scaffolder.actions import local_actions

        extensions = self._extensions
        return RunnerRenderer(
            local_actions(self.source, lambda: extensions.language),
            lambda: extensions.language,
            environment=self._settings.environment["parameters"],
            limits=self._settings.limits,
        )

    @cached_property
    def openers(self) -> Sequence[ChangeOpener]:
        found: Sequence[ChangeOpener] = self._portal.plugins.collect("register_change_openers", portal=self._portal)
        return found

    async def find_entity(self, ref: str, actor: Actor) -> dict[str, Any] | None:
        raw = await self.queries.find_raw(ref, actor=actor)
        return None if raw is None else orjson.loads(raw)

    async def read_target(self, template_ref: str, actor: Actor) -> Target:
        """The template as the catalog has it. Raises ``TemplateNotFound``."""
        entity = await self.find_entity(template_ref, actor)
        if entity is None or str(entity.get("kind", "")).lower() != "template":
            raise TemplateNotFound(f"Template {template_ref} not found")
        base_url = base_url_of(entity)
        return Target(entity, template_ref, base_url, base_url)

    def may_update(self, entity: Mapping[str, Any], actor: Actor) -> bool:
        """Whether ``actor`` may change the entity, and so have a change of its repository opened."""
        decision = self.permissions.decide(actor, UPDATE_ENTITY)
        if decision.result == "CONDITIONAL" and decision.condition is not None:
            return bool(matches(self.permissions.compile(decision.condition), terms_of(entity)))
        return decision.result == "ALLOW"
