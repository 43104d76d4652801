"""``Templates``: what a template asks, as far as the actor may see it, and whether answers fit."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries, EntityDocument
from callboard.features.scaffolder.interface import TemplateForm, TemplateNotFound, ValueProblem
from callboard.features.scaffolder.permissions import READ_PARAMETERS, READ_STEPS, holds
from callboard.features.scaffolder.spec import API_VERSION
from callboard.features.scaffolder.values import ValueChecks
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import InputError
from callboard.kernel.permissions import Permission, PermissionService
from callboard.model.refs import EntityRef

DEFAULT_TITLE = "Please enter the following information"
_DECORATORS = ("formDecorators", "EXPERIMENTAL_formDecorators")


class TemplateForms:
    """``Templates`` of one portal."""

    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self._permissions: PermissionService = portal.permissions
        self._checks = ValueChecks()

    @cached_property
    def _queries(self) -> CatalogQueries:
        found: CatalogQueries = self._portal.service(CatalogQueries)
        return found

    async def find_form(self, ref: EntityRef, *, actor: Actor) -> TemplateForm:
        template = await self.find_template(ref, actor=actor)
        metadata, spec = template["metadata"], template["spec"]
        decorators = next((spec[name] for name in _DECORATORS if isinstance(spec.get(name), list)), None)
        return TemplateForm(
            ref=str(ref),
            title=metadata.get("title") or metadata["name"],
            description=metadata.get("description"),
            steps=[_page(page) for page in pages_of(template)],
            presentation=_mapping(spec.get("presentation")),
            ui_options=_mapping(metadata.get("ui:options")),
            form_decorators=decorators,
        )

    async def check_values(
        self, ref: EntityRef, values: Mapping[str, Any], *, actor: Actor, page: int | None = None
    ) -> Sequence[ValueProblem]:
        return self.find_problems(await self.find_template(ref, actor=actor), values, page=page)

    # ---- for tasks ---------------------------------------------------------------------------------------------------

    async def find_template(self, ref: EntityRef, *, actor: Actor) -> EntityDocument:
        """The entity without the pages and steps that are not the actor's. Raises as ``find_form``."""
        raw = await self._queries.find_raw(str(ref), actor=actor)
        if raw is None:
            raise TemplateNotFound(f"Template {ref} not found")
        return self.open_template(orjson.loads(raw), actor=actor)

    def open_template(self, entity: EntityDocument, *, actor: Actor) -> EntityDocument:
        """The same for a document, wherever it comes from. Raises ``InputError`` when it is no template that can run."""
        if str(entity.get("kind", "")).lower() != "template":
            raise InputError("Invalid kind, only 'Template' kind is supported", field="kind")
        if entity.get("apiVersion") != API_VERSION:
            raise InputError(
                f"Unsupported apiVersion field in schema entity, {entity.get('apiVersion')}", field="apiVersion"
            )
        spec = entity.get("spec")
        if not isinstance(spec, Mapping) or not isinstance(entity.get("metadata"), Mapping):
            raise InputError("The template has no spec or no metadata.", field="spec")
        parameters, steps = spec.get("parameters"), spec.get("steps")
        shown = dict(spec)
        if isinstance(parameters, list):
            shown["parameters"] = self._shown(READ_PARAMETERS, parameters, actor)
        elif parameters is not None and not self._shown(READ_PARAMETERS, [parameters], actor):
            del shown["parameters"]
        if isinstance(steps, list):
            shown["steps"] = self._shown(READ_STEPS, steps, actor)
        return {**entity, "spec": shown}

    def find_problems(
        self, template: Mapping[str, Any], values: Mapping[str, Any], *, page: int | None = None
    ) -> list[ValueProblem]:
        """What of ``values`` does not fit, of all pages or of one (from 0)."""
        pages = pages_of(template)
        if page is not None:
            if not 0 <= page < len(pages):
                raise InputError(f"The template has no page {page}.", field="page")
            pages = [pages[page]]
        return [problem for schema in pages for problem in self._checks.check(schema, dict(values))]

    def find_secret_problems(self, template: Mapping[str, Any], secrets: Mapping[str, str]) -> list[ValueProblem]:
        """Against ``spec.secrets.schema``; no problem holds what was given."""
        said = template["spec"].get("secrets")
        schema = said.get("schema") if isinstance(said, Mapping) else None
        if not isinstance(schema, Mapping):
            return []
        return [
            replace(one, property=one.property.replace("instance", "secrets", 1), message=_blank(one), instance=None)
            for one in self._checks.check(schema, dict(secrets))
        ]

    def _shown(self, permission: Permission, parts: Sequence[Any], actor: Actor) -> list[Any]:
        decision = self._permissions.decide(actor, permission)
        if decision.result == "ALLOW":
            return list(parts)
        if decision.condition is None:
            return []
        predicate = self._permissions.compile(decision.condition)
        return [part for part in parts if isinstance(part, Mapping) and holds(predicate, part)]


def pages_of(template: Mapping[str, Any]) -> list[Any]:
    """``spec.parameters`` as a list of schemas."""
    said = template["spec"].get("parameters")
    if isinstance(said, list):
        return [page for page in said if isinstance(page, Mapping)]
    return [said] if isinstance(said, Mapping) else []


def _page(schema: Mapping[str, Any]) -> dict[str, Any]:
    page: dict[str, Any] = {"title": schema.get("title") or DEFAULT_TITLE}
    if "description" in schema:
        page["description"] = schema["description"]
    return {**page, "schema": schema}


def _blank(problem: ValueProblem) -> str:
    """The message, unless it could quote the value."""
    known = problem.name in ("required", "type", "minLength", "maxLength", "pattern", "additionalProperties")
    return problem.message if known else f"does not fit {problem.name}"


def _mapping(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, Mapping) else None
